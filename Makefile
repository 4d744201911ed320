# backup-service. `make` builds ./backup-service, `make help` lists what else there is.

PREFIX ?= /usr/local
BUILD ?= build
CC ?= cc
CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARNINGS) $(CPPFLAGS) $(CFLAGS)

VERSION := $(shell sed -n 's/.*VERSION "\(.*\)"/\1/p' version.h)
SRC := $(sort $(wildcard *.c lib/*.c))
OBJ = $(SRC:%.c=$(BUILD)/%.o)
LINKS = backup-db list-backups restore-db verify-backup prune-backups backup-health
MAN = $(wildcard docs/*.1)
UNIT = $(patsubst test/unit/%.c,$(BUILD)/test/%,$(wildcard test/unit/*_test.c))
DRIVERS = $(patsubst test/oracle/%.c,$(BUILD)/test/%,$(wildcard test/oracle/*_driver.c))
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

all: backup-service

backup-service: $(OBJ)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(OBJ)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# what a unit test or a driver may use: all but main()
$(BUILD)/product.a: $(filter-out $(BUILD)/main.o,$(OBJ))
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/test/%_test: test/unit/%_test.c $(BUILD)/product.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -I. $(LDFLAGS) -o $@ $< $(BUILD)/product.a -lcmocka

$(BUILD)/test/%_driver: test/oracle/%_driver.c $(BUILD)/product.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -I. $(LDFLAGS) -o $@ $< $(BUILD)/product.a

-include $(OBJ:.o=.d)

help:
	@echo 'all         ./backup-service (the default)'
	@echo 'static      the same, fully static, with musl (CC=musl-gcc)'
	@echo 'demo        back up, list, verify and restore a throw-away database'
	@echo 'test        build, and run every test that needs no container engine'
	@echo 'asan        the same tests under AddressSanitizer and UBSan; valgrind: under valgrind'
	@echo 'lint        compilers, static analysers, shellcheck, man pages'
	@echo 'coverage    which lines the tests reach; fuzz: a short run of all fuzzers'
	@echo 'breaks      take out each safeguard, and see its test fail (a quarter of an hour)'
	@echo 'bench       speed and memory, as docs/performance.md; torture: the fault campaign'
	@echo 'image       the container image pg-backup-service; test-image: its tests'
	@echo 'docs        docs/configuration.md from the table in config.c'
	@echo 'install     into $$(DESTDIR)$$(PREFIX); uninstall: away again'
	@echo 'dist        backup-service-$(VERSION).tar.gz; clean'

static:
	$(MAKE) CC=$(or $(filter musl-%,$(CC)),musl-gcc) BUILD=$(BUILD)/static LDFLAGS='$(LDFLAGS) -static' -B backup-service

demo:
	test/setup demo
	$(MAKE) backup-service
	test/demo

check-build: backup-service $(UNIT) $(DRIVERS)

test:
	test/setup test
	$(MAKE) check-build
	test/run

asan:
	test/setup test lint
	$(MAKE) BUILD=$(BUILD)/asan CC=clang CFLAGS='$(SANITIZE)' LDFLAGS='$(SANITIZE)' OUT=$(BUILD)/asan check-asan

check-asan: $(OBJ) $(UNIT) $(DRIVERS)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $(BUILD)/backup-service $(OBJ)
	ASAN_OPTIONS=detect_leaks=0 BUILD=$(BUILD) BACKUP_SERVICE=$(CURDIR)/$(BUILD)/backup-service test/run

valgrind: backup-service
	test/setup test
	RUN_UNDER=$(CURDIR)/test/fixture/valgrind TEST_TIMEOUT=600 test/run $(filter-out test/rig.bats,$(wildcard test/*.bats))

lint:
	test/setup lint
	test/lint

breaks:
	test/setup test
	test/breaks/run

coverage fuzz bench torture:
	test/setup test proof
	test/$@/run

image:
	test/image/build

test-image:
	test/image/setup
	test/image/run

docs: backup-service
	./backup-service --print-configuration | cat docs/configuration.head.md - > docs/configuration.md

install:
	test -x backup-service || $(MAKE) backup-service
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 backup-service $(DESTDIR)$(PREFIX)/bin/
	for name in $(LINKS); do ln -sf backup-service $(DESTDIR)$(PREFIX)/bin/$$name; done
	for page in $(MAN); do install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man1/; done

uninstall:
	for name in backup-service $(LINKS); do rm -f $(DESTDIR)$(PREFIX)/bin/$$name; done
	for page in $(notdir $(MAN)); do rm -f $(DESTDIR)$(PREFIX)/share/man/man1/$$page; done

dist:
	git archive --prefix=backup-service-$(VERSION)/ -o backup-service-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(BUILD) backup-service backup-service-*.tar.gz

.PHONY: all help static demo check-build test asan check-asan valgrind lint breaks coverage fuzz bench torture \
	image test-image docs install uninstall dist clean
.DELETE_ON_ERROR:
