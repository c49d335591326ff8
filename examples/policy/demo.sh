#!/bin/bash
# Who may talk to whom: a web shop of three tiers, open, tried in shadow mode, isolated while
# connections live, and one of them opened again.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

# plug adds a container with the addresses of its port.
plug() { attach "$1" "$2" --ip "$(field "$2" ip)/24" --mac "$(field "$2" mac)" --gw "$3"; }

# talk has lb talk to the data base by one TCP connection, until silence.
talk() { container exec lb sh -c 'touch /tmp/policy-talks; while [ -e /tmp/policy-talks ]; do echo still here; sleep 0.2; done | busybox nc 10.21.0.10 5432 > /tmp/policy-echoes'; }
silence() { container exec lb rm -f /tmp/policy-talks; }
echoes() { container exec lb sh -c 'wc -l < /tmp/policy-echoes'; }

# hears reports whether the data base still answers on that connection.
hears() {
    local before
    before=$(echoes)
    sleep 0.6 # three lines
    [ "$(echoes)" -gt "$before" ]
}

would_deny() { sdnctl policy counters db | grep -q 'would deny *2 '; }

cleanup() { silence; }

title "Two nodes, and sdnd"
nodes 2
join node1
join_quietly node2

title "A web shop: lb → web → db"
apply "$folder/topology.yaml"
plug node1 lb 10.20.0.1
plug node1 web1 10.20.0.1
plug node2 web2 10.20.0.1
plug node2 db 10.21.0.1
bound lb web1 web2 db

title "Without policies everybody reaches everybody"
show container exec lb ping -c2 -i0.2 -W2 10.20.0.12
show container exec web1 ping -c2 -i0.2 -W2 10.21.0.10

title "A policy on trial, in shadow mode: it denies nothing, and counts what it would deny"
show sdnctl policy create db --subject app=db --allow-from app=web --ports tcp/5432,icmp --mode shadow --wait
show container exec lb ping -c2 -i0.2 -W2 10.21.0.10
within 10 would_deny
show sdnctl policy counters db

title "A connection that no policy will allow: lb talks to db, and db answers"
container exec db sh -c 'nohup busybox nc -ll -p 5432 -e cat > /dev/null 2>&1 &'
prompt 'lb$' "while echo still here; do sleep 0.2; done | busybox nc 10.21.0.10 5432"
talk &
talking=$!
within 10 hears
say "  lb hears db"

title "Policies: web hears lb only, db hears web only"
apply "$folder/policies.yaml"
sdnctl wait --timeout 15s
show sdnctl policy list

title "They hold for connections that live, too"
within 10 refused hears
say "  lb hears nothing any more"

title "What they allow passes, on the same node and across"
show container exec lb ping -c2 -i0.2 -W2 10.20.0.11
show container exec lb ping -c2 -i0.2 -W2 10.20.0.12
show container exec web1 ping -c2 -i0.2 -W2 10.21.0.10
show container exec web2 ping -c2 -i0.2 -W2 10.21.0.10

title "… and nothing else: not lb → db, web → web, db → web"
show refused container exec lb ping -c2 -i0.2 -W1 10.21.0.10
show refused container exec web1 ping -c2 -i0.2 -W1 10.20.0.12
show refused container exec db ping -c2 -i0.2 -W1 10.20.0.11

title "What an isolated port begins itself passes, with the replies"
show container exec web2 ping -c2 -i0.2 -W2 10.20.0.10

title "Without the policy of the data base everybody reaches it again"
show sdnctl policy delete db --wait
show container exec lb ping -c2 -i0.2 -W2 10.21.0.10
within 30 hears
say "  lb hears db again, on the same connection"
silence
wait $talking

title "IPv6 beside IPv4: the same policies, unchanged"
show sdnctl network set front --subnet 10.20.0.0/24 --subnet fd00:14::/64
show sdnctl network set back --subnet 10.21.0.0/24 --subnet fd00:15::/64
ipv6 lb web1 web2 db
show container exec lb ping -c2 -i0.2 -W2 "$(six web2)"
show container exec web1 ping -c2 -i0.2 -W2 "$(six db)"
show refused container exec web1 ping -c2 -i0.2 -W1 "$(six web2)"
