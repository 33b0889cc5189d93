/// Plays `vmlab-machine`'s part: the same arguments, descriptors and control words, no KVM. A shell script, so that a whole
/// lab goes up and down in a fraction of a second on any host.
///
/// What it does is asked for by words in the machine's kernel command line.
enum FakeMachine {
    static let script = #"""
        #!/bin/bash
        # Descriptor 3 is the control stream, 4 the serial console, 5 the virtio console.
        while [ $# -gt 0 ]; do
          case $1 in
            --name) name=$2; shift 2 ;;
            --cmdline) words=$2; shift 2 ;;
            --measure-kvm) echo '{"kvm":"ok","detail":"","instructions_per_second":1000000000}'; exit 0 ;;
            *) shift ;;
          esac
        done
        has() { case " $words " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
        printf 'first byte of %s\n' "$name" >&4
        has refuses-to-start && { echo "vmlab-machine: $name: the kernel is not a kernel" >&2; exit 65; }
        echo '{"event":"started","startup_us":1234}' >&3
        has colours && printf '\033[31mfa\033[0mke: \033]0;title\007rea\033[1mdy\033[0m\n' >&4
        has silent || has colours || printf 'fake: ready\n' >&4
        has floods && { while printf '%01000d\n' 0 >&4; do :; done & }
        has crashes && { sleep 0.3; kill -SEGV $$; }
        has faults && { sleep 0.1; echo '{"event":"guest-fault","kind":"triple-fault","detail":"at 0x1000"}' >&3; exit 86; }
        has powers-off && { sleep 0.1; echo '{"event":"powered-off"}' >&3; exit 0; }
        has ignores-everything && trap '' TERM
        has echoes && { while read -r line <&4; do printf 'heard %s\n' "$line" >&4; done & }
        while read -r word <&3; do
          case $word in
            power-button)
              has ignores-everything && continue
              has refuses-button && { echo '{"event":"refused","word":"power-button"}' >&3; continue; }
              has slow-to-stop && sleep 2
              echo '{"event":"powered-off"}' >&3; exit 0 ;;
            port-restart\ *|link\ *) echo "$name $word" >>"${VMLAB_LAB%/*/*/*}/machine-words" ;;
            stop) has ignores-everything && continue; exit 0 ;;
          esac
        done
        # The keeper is gone: same as stop, but for one that ignores even that.
        has ignores-everything && exec sleep 1000
        exit 0
        """#
}
