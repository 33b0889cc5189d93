/// What `--help` prints; an example first.
let helpText = """
    vmlab-network --lab demo --seed 7 --control 3 \\
      --network id=lan,subnet=10.20.0.0/24,mac=02:00:00:00:00:01,domain=demo.lab,prefix6=fd00:1:2:3::/64 \\
      --port id=a/lan,fd=4,mac=02:00:00:00:00:0a,address=10.20.0.10 \\
      --port id=b/lan,fd=5,mac=02:00:00:00:00:0b,address=10.20.0.11

    All networks of one lab: their switches, the gateway that each of them has, and the faults on their links. Everything it uses is on
    this line: descriptors are numbers that are already open.

      --lab NAME, --seed N   what every decision of chance is drawn from
      --control FD           words in, events out (one JSON object a line); its end is a stop
      --network id=NAME,subnet=CIDR,mac=MAC,domain=NAME,prefix6=PREFIX/64[,mtu=N][,router=ADDRESS][,allow=CIDR+CIDR]
      --port id=MACHINE/NETWORK,fd=N,mac=MAC,address=ADDRESS[,vlan=N]
                             a stream of records: count (4 bytes, big-endian), virtio-net header (12), frame
      --uplink port=MACHINE/NETWORK,fd=N
                             a stream to the outside for one port, as passt(1) has it
      --link WHAT,delay=US,jitter=US,rate=BPS,loss=PPM,reorder=PPM,duplicate=PPM,corrupt=PPM
                             WHAT is a network or a port
      --boot WHAT[,server=ADDRESS][,class=NAME],file=FILE
                             what DHCP tells clients to start from the network, all of them or those of one user class; WHAT as above
      --capture network=NAME,fd=N,fd=M,bytes=B,snap=S
                             two files that take turns, pcapng

    Control words: port-up P [MARK], port-down P, uplink-up P, uplink-down P, link WHAT up|down|clear|key=value...,
    partition NETWORK a,b|c,d, heal NETWORK, probe ID P tcp PORT, probe ID P ping, probe-stop ID, counters, stop.
    Ports and uplinks begin down.

    Exit status: 0 stopped, 64 usage, 71 operating system.

    """

let versionText = "vmlab-network 0.1.0\n"
