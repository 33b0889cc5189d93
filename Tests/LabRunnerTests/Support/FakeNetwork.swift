/// Plays `vmlab-network`'s part, and passt's: the same arguments, descriptors and control words, no frames.
///
/// What it was told is in `network-words` in the person's home, what it was started with in `network-starts`.
enum FakeNetwork {
    static let script = #"""
        #!/bin/bash
        home=${VMLAB_LAB%/*/*/*}
        while [ $# -gt 0 ]; do
          case $1 in
            --control) control=$2; shift 2 ;;
            *) shift ;;
          esac
        done
        [ -e "$home/network-refuses" ] && { echo "vmlab-network: no such option" >&2; exit 64; }
        ls -l /proc/$$/fd >>"$home/network-starts"
        echo '{"event":"started"}' >&"$control"
        while read -r word <&"$control"; do
          echo "$word" >>"$home/network-words"
          set -- $word
          case $1 in
            stop) exit 0 ;;
            port-down|uplink-down) echo '{"event":"'$1'","port":"'$2'"}' >&"$control" ;;
            link) [[ $word == *loss=999999* ]] && echo '{"event":"refused","word":"link","detail":"too much"}' >&"$control" ||
              echo '{"event":"done","word":"link"}' >&"$control" ;;
            partition|heal) echo '{"event":"done","word":"'$1'"}' >&"$control" ;;
            probe) [ -e "$home/probe-fails" ] || echo '{"event":"probe","id":"'$2'","answer":"ready"}' >&"$control" ;;
          esac
        done
        """#

    /// passt: lives until its stream ends.
    static let uplink = #"""
        #!/bin/bash
        home=${VMLAB_LAB%/*/*/*}
        echo "$$ $*" >>"$home/uplink-starts"
        exec cat <&3 >/dev/null
        """#
}
