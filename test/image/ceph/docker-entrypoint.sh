#!/bin/bash
# Starts a one-node Ceph and its Object Gateway on port 8333, with the keys of S3_ACCESS_KEY and
# S3_SECRET_KEY, or of the -s3.config=FILE that the compose file hands to its own server, and with
# the buckets of S3_BUCKET. Everything is in memory: a new container is a new, empty server.
set -euo pipefail

for word; do
	case $word in
	-s3.config=*)
		S3_ACCESS_KEY=$(sed -n 's/.*"accessKey": *"\([^"]*\)".*/\1/p' "${word#*=}")
		S3_SECRET_KEY=$(sed -n 's/.*"secretKey": *"\([^"]*\)".*/\1/p' "${word#*=}")
		;;
	esac
done
: "${S3_ACCESS_KEY:?}" "${S3_SECRET_KEY:?}" "${S3_BUCKET:=}"

ip=$(hostname -i | cut -d' ' -f1)
fsid=$(uuidgen)
osd=$(uuidgen)
cat >/etc/ceph/ceph.conf <<END
[global]
fsid = $fsid
mon host = v2:$ip:3300/0
public addr = $ip
ms bind msgr1 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = /etc/ceph/keyring
mon data avail crit = 1
mon allow pool size one = true
# nothing to wait for: no one else can join
mon election timeout = 1
paxos propose interval = 0.05
paxos min wait = 0.01
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd class load list = *
osd class default list = *
rgw dynamic resharding = false
rgw frontends = beast port=8333
END

key()
{
	ceph-authtool /etc/ceph/keyring --gen-key -n "$@" >/dev/null
}
touch /etc/ceph/keyring
key mon. --cap mon 'allow *'
key client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' --cap mds 'allow *'
key osd.0 --cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'
key mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *' --cap mds 'allow *'

monmaptool --create --addv x "[v2:$ip:3300]" --fsid "$fsid" /tmp/monmap >/dev/null
install -d /var/lib/ceph/mon/ceph-x /var/lib/ceph/osd/ceph-0 /var/lib/ceph/mgr/ceph-x
ceph-mon --mkfs -i x --monmap /tmp/monmap --keyring /etc/ceph/keyring
ceph-mon -i x
ceph -k /etc/ceph/keyring auth import -i /etc/ceph/keyring
ceph-mgr -i x
ceph osd new "$osd" 0
ceph-osd -i 0 --mkfs --osd-uuid "$osd"
ceph-osd -i 0

radosgw-admin user create --uid backup --display-name backup \
	--access-key "$S3_ACCESS_KEY" --secret-key "$S3_SECRET_KEY" >/dev/null
radosgw -n client.admin

for bucket in ${S3_BUCKET//,/ }; do
	curl -fsS --retry 30 --retry-delay 1 --retry-all-errors -X PUT --aws-sigv4 aws:amz:default:s3 \
		--user "$S3_ACCESS_KEY:$S3_SECRET_KEY" "http://$ip:8333/$bucket"
done
echo ready
exec sleep infinity
