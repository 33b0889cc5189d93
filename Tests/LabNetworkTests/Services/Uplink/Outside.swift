import Foundation
import Glibc
import Host
import LabModel
import LabPlan
import Testing

/// A host with a way to an internet, each a network namespace: nothing of it is seen by the real host.
///
///     [guest] bridge ~ passt [host: 203.0.113.1] ---- [internet: 203.0.113.2, and behind it all the others]
final class Outside: @unchecked Sendable {
    /// Addresses for documentation (RFC 5737) are the internet.
    static let own = "203.0.113.1"
    static let internet = "203.0.113.2"
    static let far = "198.51.100.7"
    static let open = "192.168.77.1"
    static let closed = "10.99.0.1"
    static let metadata = "169.254.169.254"
    /// Where everything that is sent is sent back.
    static let port = 8000

    /// Why there can be none here; nil if there can.
    static let obstacle: String? = Playground.obstacle ?? (passt == nil ? "there is no passt" : nil)
    static var isPossible: Bool { obstacle == nil }
    private static let passt = Programs.find("passt", path: ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin")

    private let host: String
    private let net: String
    private let folder: String
    private var started: [ChildProcess] = []
    private var uplinks: [ChildProcess] = []

    init() throws {
        let tag = "vmlab-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        (host, net, folder) = (tag + "-host", tag + "-net", "/tmp/\(tag)")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // passt becomes nobody, and reads nothing here; the scripts are for everybody.
        try Self.echo.write(toFile: folder + "/echo", atomically: true, encoding: .utf8)
        try Self.talk.write(toFile: folder + "/talk", atomically: true, encoding: .utf8)
        do {
            for words in [
                "netns add \(host)", "netns add \(net)", "-n \(host) link add out0 type veth peer name in0 netns \(net)",
                "-n \(host) link set lo up", "-n \(net) link set lo up", "-n \(host) addr add \(Self.own)/24 dev out0",
                "-n \(net) addr add \(Self.internet)/24 dev in0", "-n \(host) link set out0 up", "-n \(net) link set in0 up",
                "-n \(host) route add default via \(Self.internet)",
            ] + [Self.far, Self.open, Self.closed, Self.metadata].map({ "-n \(net) addr add \($0)/32 dev lo" }) {
                let output = try Playground.call(["ip"] + words.split(separator: " ").map(String.init))
                guard output.status == 0 else { throw Playground.Failure(description: "ip \(words): \(output.text)") }
            }
            try startServer(port: Self.port, at: "0.0.0.0", inInternet: true)
        } catch {
            leave()
            throw error
        }
    }

    deinit { leave() }

    private func leave() {
        endUplinks()
        for child in started {
            child.signal(SIGKILL)
            _ = try? child.wait(limitMilliseconds: 60_000)
        }
        for space in [host, net] { _ = try? Playground.call(["ip", "netns", "del", space]) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: passt

    /// - Parameter end: what passt gets under the number that its arguments name.
    func startUplink(_ arguments: [String], _ end: CInt) throws {
        uplinks.append(
            try Self.start(
                ["ip", "netns", "exec", host, Self.passt ?? "passt"] + arguments, [.init(NetworkLaunch.uplinkDescriptor, from: end)])
        )
    }

    func endUplinks() {
        for child in uplinks {
            child.signal(SIGKILL)
            _ = try? child.wait(limitMilliseconds: 60_000)
        }
        uplinks = []
    }

    // MARK: Servers and those that speak with them

    func run(_ arguments: [String], fromInternet: Bool = false) throws -> Playground.Output {
        try Playground.call(["timeout", "-k", "5", "120", "ip", "netns", "exec", fromInternet ? net : host] + arguments)
    }

    func startServer(port: Int, at address: String, inInternet: Bool = false) throws {
        started.append(try Self.start(["ip", "netns", "exec", inInternet ? net : host, "perl", folder + "/echo", "\(port)", address], []))
    }

    /// As a shell's command.
    func server(port: Int, at address: String) -> String { "exec perl \(folder)/echo \(port) \(address)" }

    /// Prints `same` if everything that is sent comes back, and `no: ` and the reason if nothing can be sent.
    func talk(_ host: String, _ port: Int, _ kind: String, _ count: Int) -> [String] {
        ["perl", folder + "/talk", host, "\(port)", kind, "\(count)"]
    }

    private static func start(_ arguments: [String], _ inherited: [ChildProcess.Inherited]) throws -> ChildProcess {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        return try ChildProcess(
            program: "/usr/bin/env", arguments: ["env"] + arguments, environment: ["PATH=\(path)"],
            inherited: [.init(2, from: 2)] + inherited)
    }

    /// Sends back each datagram, and each stream as it comes: half of a connection that ends is not what every passt understands.
    private static let echo = #"""
        use IO::Socket::INET; use IO::Select;
        my ($port, $host) = @ARGV;
        $SIG{CHLD} = "IGNORE";
        my $streams = IO::Socket::INET->new(LocalAddr => $host, LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "tcp: $!";
        my $datagrams = IO::Socket::INET->new(LocalAddr => $host, LocalPort => $port, Proto => "udp") or die "udp: $!";
        my $select = IO::Select->new($streams, $datagrams);
        while (1) {
            for my $ready ($select->can_read) {
                if ($ready == $datagrams) {
                    my $peer = $datagrams->recv(my $text, 65536);
                    $datagrams->send($text, 0, $peer) if defined $peer;
                    next;
                }
                my $peer = $streams->accept or next;
                next if fork;
                while (sysread $peer, my $part, 65536) {
                    my $at = 0;
                    while ($at < length $part) { $at += syswrite($peer, $part, length($part) - $at, $at) || exit }
                }
                exit;
            }
        }
        """#

    /// A server that has only just been started is given time to listen, and a connection that stands still is given up for another:
    /// an old passt never sends some segments again. Whoever must not be reached says so at once or never.
    private static let talk = #"""
        use IO::Socket::INET; use IO::Select;
        my ($host, $port, $kind, $count) = @ARGV;
        my $data = join "", map { chr(($_ * 7 + ($_ >> 8)) & 255) } 0 .. $count - 1;
        my $reason = "";
        my $end = time + 80;
        for (1 .. 8) {
            last if time > $end;
            my $still = 0;
            local $SIG{ALRM} = sub { $still = 1 };
            alarm 20;
            $! = 0;
            my $peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => $kind, Timeout => 20);
            my $back = "";
            if ($peer && $kind eq "tcp") {
                my $writer = fork;
                if (!$writer) {
                    my $at = 0;
                    while ($at < $count) { $at += syswrite($peer, $data, $count - $at, $at) || exit }
                    exit;
                }
                while (length $back < $count && sysread $peer, my $part, 65536) { $back .= $part }
                kill "KILL", $writer;
            } elsif ($peer) {
                $peer->send($data);
                $peer->recv($back, 65536) if IO::Select->new($peer)->can_read(1);
            }
            if ($back eq $data) { print "same\n"; exit }
            $reason = $still ? "stood still after " . length($back) : $! || "silence";
            last if !$still && (length $back || $reason !~ m{refused|reset|silence});
            last if substr($data, 0, length $back) ne $back;
            select undef, undef, undef, 0.25;
        }
        print "no: $reason\n";
        """#
}
