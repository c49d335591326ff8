package cli

import "github.com/spf13/cobra"

// newHelpTopics returns the texts of "sdnctl help TOPIC".
func newHelpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "Exit codes", Long: helpExitCodes},
		{Use: "files", Short: "File format of apply and diff", Long: helpFiles},
		{Use: "output", Short: "Output formats, and how to process them", Long: helpOutput},
	}
}

const helpExitCodes = `sdnctl exits with one of these codes:

    0  success
    1  failure for a reason that is none of the following;
       for diff and ipam check: there is a difference
    2  usage error: the command line is not valid, nothing was tried
       (diff and ipam check: also any failure that is none of the following)
    3  an object that was named does not exist
    4  it is stored, but not every node has confirmed it in the time given
       to --wait, or sdnd did not answer in time; for node join: the node is
       configured, but does not work yet in the time given to --timeout
    5  conflict: the object exists already, an address or VNI is taken,
       something is in use, a pool is exhausted, or someone else changed the
       object at the same moment; for node join, leave and drain: there are
       ports or settings that only --take-over or --force touches; nothing was
       changed
    6  a file or value is not valid; nothing was changed
    7  sdnd, or the node, cannot be reached, or the connection ended before it
       answered (then the change may have been made), or this client is rate-limited
    8  sdnd does not know who you are, or you may not do that
    9  for status --exit-code: there is an error or a warning; for policy denials: no node
       could be watched
  130  it was interrupted`

const helpOutput = `Data goes to standard output, messages to standard error.

    -o table   lines for people; cut to the width of a terminal
    -o wide    more columns, never cut
    -o json    the response of the API, as one value; fields are only ever added
    -o yaml    the same in YAML; what show and list print can be applied

A list has its objects under "items"; show of several objects prints a list.
For single fields use jq:

    sdnctl port show web -o json | jq -r .status.ip
    sdnctl port list -o json | jq -r '.items[] | select(.status.bound | not) | .name'
    sdnctl node list -o json | jq -r '.items[] | [.name, .status.address] | @tsv'
    sdnctl status -o json | jq -e '.ready'`

const helpFiles = `Files hold objects, in YAML or JSON. Several objects are separate documents (in
YAML, separated by ---), a list, or the value of the key "objects".

    kind: Node               # one of the kinds that 'sdnctl --help' lists
    name: node1
    labels: {rack: a}        # optional
    spec:
      tunnelIP: 192.168.50.11
      datapathID: ""         # default: derived from the name
    ---
    kind: Network
    name: blue
    spec:
      cidr: 10.0.0.0/24      # short for one entry of subnets
    ---
    kind: Network
    name: pods
    spec:
      vni: 100               # default: allocated
      mode: segmented        # default: stretched
      subnets:
      - cidr: 10.244.0.0/16
        reserved: [10.244.0.1-10.244.0.9]
      containersPerNode: 250 # segmented only: sizes a node's block
      maxNodes: 100          # segmented only
      blocks:                # segmented only: fixed blocks
      - {node: node1, cidr: 10.244.1.0/24, gateway: 10.244.1.1}
    ---
    kind: Router
    name: main
    spec:
      networks: [blue, pods]
    ---
    kind: Port
    name: web1
    spec:
      network: blue
      node: node1            # default: where its interface shows up
      ip: 10.0.0.7           # default: allocated
      mac: 02:00:00:00:00:07 # default: derived from the address and VNI
      interfaceID: web1      # external_ids:iface-id; default: the name
      interface: veth-web1   # binds by the interface's name instead

"status" and "meta", as sdnd prints them, are ignored, so that output
can be applied. Any other unknown key is an error.`
