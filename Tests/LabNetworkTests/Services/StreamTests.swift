import LabModel
import LabNetwork
import Testing

/// A client's side of a connection to the name server, by hand.
private final class Client {
    let shop: Shop
    let port: Int
    var sequence: UInt32 = 1000
    var expected: UInt32 = 0

    init(shop: Shop, port: Int = 5000) {
        self.shop = shop
        self.port = port
    }

    func say(_ flags: UInt8, _ content: [UInt8] = [], sequence: UInt32? = nil, window: Int = 4096) -> [TCPSegment] {
        shop.exchange(
            Wire.tcp(
                shop.endpoint(Shop.web), port, shop.gatewayEndpoint, 53, sequence: sequence ?? self.sequence, acknowledged: expected,
                flags: flags, window: window, content)
        ).compactMap { Heard($0)?.tcp }
    }

    func open() -> TCPSegment? {
        let greeting = say(2).first
        sequence &+= 1
        expected = (greeting?.sequence ?? 0) &+ 1
        _ = say(16)
        return greeting
    }

    func ask(_ bytes: [UInt8], window: Int = 4096) -> [TCPSegment] {
        defer { sequence &+= UInt32(bytes.count) }
        return say(24, bytes, window: window)
    }
}

private let question: [UInt8] =
    [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2] + Array("dB".utf8) + [4] + Array("SHOP".utf8) + [3] + Array("lab".utf8) + [0, 0, 1, 0, 1]
private let framed: [UInt8] = [0, UInt8(question.count)] + question
/// The question as it came, then the address.
private let answer: [UInt8] =
    [0x12, 0x34, 0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0] + question[12...] + [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 20, 0, 11]
private let framedAnswer: [UInt8] = [0, UInt8(answer.count)] + answer

@Suite struct `names over a connection` {
    @Test func `a question is answered, capitals and all, and the connection ends as the client ends it`() throws {
        let client = Client(shop: Shop())
        let greeting = try #require(client.open())
        #expect(greeting.flags == [.synchronize, .acknowledge] && greeting.acknowledged == 1001)
        let said = client.ask(framed)
        #expect(said.count == 1 && Array(said[0].content) == framedAnswer && said[0].acknowledged == client.sequence)
        client.expected &+= UInt32(framedAnswer.count)
        let end = client.say(17)
        #expect(end.map(\.flags) == [[.finish, .acknowledge]] && end[0].acknowledged == client.sequence &+ 1)
        client.expected &+= 1
        client.sequence &+= 1
        #expect(client.say(16).isEmpty)
        #expect(client.say(16).map(\.flags) == [.reset], "the connection is gone")
    }

    @Test func `a question in single bytes is one question; half of one waits; two in one segment are two`() {
        let client = Client(shop: Shop())
        _ = client.open()
        var said: [UInt8] = []
        for byte in framed { said += client.ask([byte]).flatMap(\.content) }
        #expect(said == framedAnswer)
        #expect(client.ask(framed + framed.prefix(5)).flatMap(\.content) == framedAnswer)
        #expect(client.ask(framed.dropFirst(5) + framed).flatMap(\.content) == framedAnswer + framedAnswer)
    }

    @Test func `what comes twice is taken once, what comes too early is not taken`() {
        let client = Client(shop: Shop())
        _ = client.open()
        let early = client.say(24, Array(framed.suffix(10)), sequence: client.sequence &+ UInt32(framed.count - 10))
        #expect(early.map(\.flags) == [.acknowledge] && early[0].acknowledged == client.sequence)
        #expect(client.ask(framed).flatMap(\.content) == framedAnswer)
        let again = client.say(24, framed, sequence: client.sequence &- UInt32(framed.count))
        #expect(again.map(\.flags) == [.acknowledge] && again[0].content.isEmpty && again[0].acknowledged == client.sequence)
    }

    @Test func `an answer that is not acknowledged comes again, a few times`() throws {
        let shop = Shop()
        let client = Client(shop: shop)
        _ = client.open()
        _ = client.ask(framed)
        var times = 0
        while let deadline = shop.services.nextDeadline, deadline < shop.now + 120_000_000_000, times < 100 {
            shop.now = deadline
            shop.services.tick(now: deadline)
            for segment in shop.heard(on: Shop.web).compactMap({ Heard($0)?.tcp }) where !segment.content.isEmpty {
                #expect(Array(segment.content) == framedAnswer)
                times += 1
            }
        }
        #expect((3...6).contains(times))
        #expect(client.say(16).map(\.flags) == [.reset])
    }

    @Test func `no more is sent than the client has room for`() {
        let client = Client(shop: Shop())
        _ = client.open()
        let first = client.ask(framed, window: 7)
        #expect(first.flatMap(\.content) == Array(framedAnswer.prefix(7)))
        client.expected &+= 7
        #expect(client.say(16, window: 4096).flatMap(\.content) == Array(framedAnswer.dropFirst(7)))
    }

    @Test func `a question larger than any ends the connection`() {
        let client = Client(shop: Shop())
        _ = client.open()
        #expect(client.ask([0xFF, 0xFF, 0]).map(\.flags) == [[.reset, .acknowledge]])
    }

    @Test func `a client that never reads and always asks costs a bounded amount`() {
        let client = Client(shop: Shop())
        _ = client.open()
        var said = 0
        for _ in 0..<5_000 {
            let segments = client.ask(framed, window: 0)
            said += segments.reduce(0) { $0 + $1.content.count }
            if let last = segments.last { client.sequence = last.acknowledged &- UInt32(framed.count) }
        }
        #expect(said == 0)
        #expect(client.say(16, window: 0xFFFF).reduce(0) { $0 + $1.content.count } < 20_000)
    }

    @Test func `a flood of openings leaves room for others and for the port's own next one`() throws {
        let shop = Shop()
        let honest = Client(shop: shop, port: 7000)
        _ = honest.open()
        for port in 10_000..<60_000 {
            _ = Client(shop: shop, port: port).say(2)
            if port % 3_000 == 0 { shop.now += 1_000_000_000 }
        }
        #expect(honest.ask(framed).flatMap(\.content) == framedAnswer, "one that spoke is not given up for one that did not")
        shop.now += 1_000_000_000
        let next = Client(shop: shop, port: 7001)
        _ = next.open()
        #expect(next.ask(framed).flatMap(\.content) == framedAnswer)
    }

    @Test func `a silent connection is ended, and forgotten`() throws {
        let shop = Shop()
        let client = Client(shop: shop)
        _ = client.open()
        shop.now = try #require(shop.services.nextDeadline)
        shop.services.tick(now: shop.now)
        #expect(shop.heard(on: Shop.web).compactMap { Heard($0)?.tcp?.flags } == [[.finish, .acknowledge]])
        shop.now += 60_000_000_000
        shop.services.tick(now: shop.now)
        _ = shop.heard(on: Shop.web)
        #expect(client.say(16).map(\.flags) == [.reset])
    }
}
