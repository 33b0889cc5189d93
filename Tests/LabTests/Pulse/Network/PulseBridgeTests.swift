import Foundation
import Testing

extension `pulse on our monitor` {
    /// Real guests on the lab's own switch, all native.
    @Suite struct bridged {
        @Test func `machines lease, find each other by name, suffer their link and are parted`() throws {
            let bridge = try PulseBridge()
            let web = try bridge.machine(0)
            let db = try bridge.machine(1)
            try web.expect("pulse: lease 10.20.0.7/24 dns 10.20.0.1\r\npulse: ready\r\n> ")
            try db.expect("pulse: lease 10.20.0.8/24 dns 10.20.0.1\r\npulse: ready\r\n> ")
            #expect(try web.command("resolve db") == "db is 10.20.0.8\n")
            #expect(try web.command("resolve db.shop.lab") == "db.shop.lab is 10.20.0.8\n")
            #expect(try web.command("resolve nobody.shop.lab") == "resolve: no such name\n")
            #expect(try web.reaches("10.20.0.1"))
            #expect(try web.reaches("db", "5 0 1472"))

            // 40 ms in both directions of one port; no answer can be faster than both.
            try bridge.tell("link db/lan delay=40000")
            try bridge.expect("done")
            let answer = try web.command("ping db 5 100")
            let shortest = try #require(answer.firstMatch(of: #/min/avg/max ([0-9]+)\./#)).1
            #expect(try #require(Int(shortest)) >= 80)
            try bridge.tell("link db/lan clear")
            try bridge.expect("done")

            try bridge.tell("partition lan web|db")
            try bridge.expect("done")
            #expect(try web.command("ping db 3 10").hasSuffix("3 sent, 0 received, 100% lost\n"))
            try bridge.tell("heal lan")
            try bridge.expect("done")
            #expect(try web.reaches("db"))
        }

        @Test func `the frames of strangers neither reach far nor keep neighbours apart`() throws {
            let bridge = try PulseBridge()
            let web = try bridge.machine(0)
            let db = try bridge.machine(1)
            let spy = try bridge.machine(2)
            for machine in [web, db, spy] { try machine.expect("> ") }
            try spy.type("netmacs 0 5 400\r")
            for _ in 0..<3 { #expect(try web.reaches("db", "5 20")) }
            try spy.expect("survived", within: 180)
            try spy.expect("> ")
            #expect(try web.reaches("db", "5 0"))
            #expect(try spy.reaches("web", "5 0"))
        }
    }
}
