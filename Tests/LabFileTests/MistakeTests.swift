import LabFile
import LabModel
import Testing

/// A lab file with `«` before each place that has to be pointed at, and what is said of each, in order.
struct Seeded: Sendable, CustomTestStringConvertible {
    var text: String
    var messages: [String]

    init(_ text: String, _ messages: String...) {
        self.text = text
        self.messages = messages
    }

    /// A mistake in a lab whose other parts are right.
    static func machine(_ line: String, _ messages: String...) -> Seeded {
        var seeded = Seeded("name: shop\nmachines:\n  db: {image: pulse}\n  web:\n    image: debian-12\n    \(line)\n")
        seeded.messages = messages
        return seeded
    }

    var testDescription: String { messages.first ?? text }

    /// The text without its marks, and the places of the marks.
    var unmarked: (text: String, places: [String]) {
        var text = ""
        var places: [String] = []
        var (line, column) = (1, 1)
        for scalar in self.text.unicodeScalars {
            if scalar == "«" {
                places.append("\(line):\(column)")
                continue
            }
            text.unicodeScalars.append(scalar)
            (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
        }
        return (text, places)
    }
}

@Suite struct `a mistake is found where it is` {
    @Test(arguments: keys + values + names + structure + yaml + brackets + images)
    func `and said in full`(_ seeded: Seeded) {
        let (text, places) = seeded.unmarked
        #expect(Reading.mistakes(text) == zip(places, seeded.messages).map { "\($0) \($1)" })
        #expect(places.count == seeded.messages.count)
    }

    static let keys: [Seeded] = [
        .machine("«memroy: 1GiB", "unknown key `memroy`; did you mean `memory`?"),
        .machine("«cpuz: 1", "unknown key `cpuz`; did you mean `cpus`?"),
        .machine("cpu: {«modell: host}", "unknown key `modell`; did you mean `model`?"),
        .machine("«RESTART: always", "unknown key `RESTART`; did you mean `restart`?"),
        .machine(
            "«colour: red",
            "unknown key `colour`; known here: image, cpus, memory, cpu, virtio, com2, hpet, ready, restart, disks, cdroms, networks, publish, files, cmdline, after, count"
        ),
        .machine("«labels: [lan]", "`labels` is not supported by this version of vmlab"),
        .machine("ready: {«exec: pg_isready, console: x}", "`exec` is not supported by this version of vmlab"),
        .machine("cpus: 1\n    «cpus: 2", "key `cpus` is given twice; the first is in line 6"),
        .machine(
            "\"«\\u0063pus\": 2\n    cpus: 1".replacing("«\\u0063pus\"", with: "\\u0063pus\"").replacing("    cpus", with: "    «cpus"),
            "key `cpus` is given twice; the first is in line 6"),
        Seeded(
            "«nam: shop\nmachines:\n  db: {image: pulse}\n".replacing("«nam", with: "««nam"),
            "unknown key `nam`; did you mean `name`?", "the lab file has no `name`"),
        Seeded("«name: shop\n", "the lab file has no `machines`"),
        Seeded(
            "name: shop\n«secrets: {}\n«tests: []\nmachines: {db: {image: pulse}}\n",
            "`secrets` is not supported by this version of vmlab", "`tests` is not supported by this version of vmlab"),
        .machine("«[a, b]: 1", "a key must be text, not a list"),
        .machine(
            "disks: [«{siez: 1GiB}]".replacing("«{siez", with: "«{«siez"),
            "an entry of `disks` has no `size`", "unknown key `siez`; did you mean `size`?"),
    ]

    static let values: [Seeded] = [
        .machine("cpus: «9", "`cpus` wants a whole number from 1 to 8, not `9`"),
        .machine("cpus: «0", "`cpus` wants a whole number from 1 to 8, not `0`"),
        .machine("cpus: «-1", "`cpus` wants a whole number from 1 to 8, not `-1`"),
        .machine("cpus: «\"2\"", "`cpus` wants a whole number from 1 to 8, not the quoted text `2`"),
        .machine("cpus: «0x2", "`cpus` wants a whole number from 1 to 8, not `0x2`"),
        .machine("cpus: «02", "`cpus` wants a whole number from 1 to 8, not `02`"),
        .machine("cpus: «[1]", "`cpus` wants a whole number from 1 to 8, not a list"),
        .machine("cpus:«", "`cpus` wants a whole number from 1 to 8, not nothing"),
        .machine("cpus: «99999999999999999999999", "`cpus` wants a whole number from 1 to 8, not `99999999999999999999999`"),
        .machine("cpu: «2", "`cpu` says which processor, such as `baseline`; `cpus: 2` says how many"),
        .machine("cpu: «basline", "`cpu` cannot be `basline`; did you mean `baseline`?"),
        .machine("cpu: «i486", "`cpu` wants one of `host`, `baseline`, `x86-64-v2`, `x86-64-v3`, not `i486`"),
        .machine("cpu: «[host]", "`cpu` wants one of `host`, `baseline`, `x86-64-v2`, `x86-64-v3`, not a list"),
        .machine("cpu: {features: «[avx]}", "`features` wants a mapping such as `{avx: off}`, not a list"),
        .machine("cpu: {features: {«x2apci: off}}", "there is no CPU feature `x2apci`; did you mean `x2apic`?"),
        .machine("cpu: {features: {«sse3: on}}", "there is no CPU feature `sse3`; did you mean `pni`?"),
        .machine("cpu: {features: {«teleport: on}}", "there is no CPU feature `teleport`"),
        .machine("cpu: {features: {avx: «true}}", "`avx` wants one of `on`, `off`, not `true`"),
        .machine(
            "cpu: {features: {«sse2: off}}", "CPU feature sse2 is part of every machine's processor and cannot be switched"),
        .machine(
            "cpu: {features: {xsave: off, «avx2: on}}", "CPU feature `avx2` cannot be on without `xsave`, which is off"),
        .machine("virtio: «transitionl", "`virtio` cannot be `transitionl`; did you mean `transitional`?"),
        .machine("virtio: «legacy", "`virtio` wants one of `modern`, `transitional`, not `legacy`"),
        .machine("hpet: «on", "`hpet` wants `true` or `false`, not `on`"),
        .machine("com2: «yes", "`com2` wants `true` or `false`, not `yes`"),
        .machine("memory: «512", "`memory` wants a unit: 512MiB or 512GiB?"),
        .machine("memory: «512MB", "`memory` has no unit that is known in `512MB`; did you mean `512MiB`?"),
        .machine("memory: «2g", "`memory` has no unit that is known in `2g`; did you mean `2GiB`?"),
        .machine("memory: «512 MiB", "`memory` has no unit that is known in `512 MiB`; did you mean `512MiB`?"),
        .machine("memory: «1.5GiB", "`memory` wants a size with its unit such as `512MiB`, not `1.5GiB`"),
        .machine("memory: «lots", "`memory` wants a size with its unit such as `512MiB`, not `lots`"),
        .machine("memory: «8MiB", "`memory` is 8MiB; the least is 16MiB"),
        .machine("memory: «2TiB", "`memory` is 2TiB; the most is 1TiB"),
        .machine("memory: «20971521KiB", "`memory` is 20971521KiB, which is not a multiple of 1MiB"),
        .machine("memory: «99999999999999999999TiB", "`memory` is `99999999999999999999TiB`; the most is 1TiB"),
        .machine("memory: «16777216TiB", "`memory` is `16777216TiB`; the most is 1TiB"),
        .machine("disks: [{size: «100}]", "`size` wants a unit: 100MiB or 100GiB?"),
        .machine("disks: «{size: 1GiB}", "`disks` wants a list such as `[a, b]`, not a mapping"),
        .machine("ready: {console: x, within: «60}", "`within` wants a unit: 60s or 60min?"),
        .machine(
            "ready: {console: x, within: «60sec}", "`within` has no unit that is known in `60sec`; the units are `ms`, `s`, `min`, `h`"),
        .machine("ready: {console: x, within: «0s}", "`within` is 0s; it can be 1ms to 86400s"),
        .machine("ready: {console: «\"\"}", "`console` cannot be empty"),
        .machine("ready: «yes", "`ready` wants `started`, or a mapping such as `{console: \"login:\"}`, not `yes`"),
        .machine("ready: «{within: 3s}", "`ready` wants one of `console`, `tcp` and `ping`"),
        .machine("restart: «alwys", "`restart` cannot be `alwys`; did you mean `always`?"),
        .machine("restart: «sometimes", "`restart` wants one of `no`, `on-failure`, `always`, not `sometimes`"),
        .machine("cmdline: «\"a\\0b\"", "`cmdline` cannot hold control character U+0"),
        .machine("cmdline: «|\n      a\n      b", "`cmdline` wants a single line"),
        .machine("cmdline:«", "`cmdline` wants kernel parameters, not nothing"),
        .machine("count: «257", "`count` wants a whole number from 1 to 256, not `257`"),
        Seeded(
            "name: shop\nseed: «-7\nmachines: {db: {image: pulse}}\n",
            "`seed` wants a whole number from 0 to 18446744073709551615, not `-7`"),
        .machine("cpus: 2    # «no mistake, only a comment".replacing("«", with: "")),
    ]

    static let names: [Seeded] = [
        Seeded("name: «Shop\nmachines: {db: {image: pulse}}\n", "lab name `Shop` has capital letters; write `shop`"),
        Seeded("name: «7up\nmachines: {db: {image: pulse}}\n", "lab name `7up` does not begin with a letter"),
        Seeded("name: «a-\nmachines: {db: {image: pulse}}\n", "lab name `a-` does not end with a letter or digit"),
        Seeded(
            "name: «\(String(repeating: "a", count: 41))\nmachines: {db: {image: pulse}}\n",
            "lab name `\(String(repeating: "a", count: 40))…` has 41 characters; the most is 40"),
        Seeded(
            "name: a\nmachines:\n  «web_1: {image: pulse}\n",
            "machine name `web_1` has `_` in it; letters a to z, digits and `-` are allowed"),
        Seeded(
            "name: a\nmachines:\n  «../x: {image: pulse}\n",
            "machine name `../x` has `.` in it; letters a to z, digits and `-` are allowed"),
        Seeded("name: a\nmachines:\n  «\"\": {image: pulse}\n", "a machine name cannot be empty"),
        .machine("after: [«bd]", "there is no machine `bd` to start after; did you mean `db`?"),
        .machine("after: [db, «mail]", "there is no machine `mail` to start after"),
        .machine("after: [db, «db]", "machine `db` is named twice"),
        .machine("after: «db", "`after` wants a list such as `[a, b]`, not `db`"),
        .machine("after: [«web]", "these machines wait for each other in a circle: web -> web"),
        Seeded(
            """
            name: a
            defaults: {image: pulse}
            machines:
              a: {after: [«c]}
              b: {after: [a]}
              c: {after: [b]}
              d: {after: [a, «e]}
              e: {after: [d]}
            """, "these machines wait for each other in a circle: a -> c -> b -> a",
            "these machines wait for each other in a circle: d -> e -> d"),
        Seeded(
            "name: a\ndefaults: {image: pulse}\nmachines:\n  web: {count: 3}\n  «web-2: {}\n",
            "there are two machines `web-2`: one is in line 4, with `count` multiplied"),
        Seeded(
            "name: a\ndefaults: {image: pulse}\nmachines:\n  «\(String(repeating: "a", count: 62)): {count: 1}\n",
            "machine name `\(String(repeating: "a", count: 40))…` has 64 characters; the most is 63"),
        Seeded(
            "name: a\ndefaults: {image: pulse}\nmachines:\n  a: {count: 200}\n  «b: {count: 57}\n", "the lab has more than 256 machines"),
    ]

    static let structure: [Seeded] = [
        Seeded("«", "the file is empty"),
        Seeded("«# nothing but a comment\n", "the file is empty"),
        Seeded("«just text\n", "the lab file wants a mapping of keys to values, not `just text`"),
        Seeded("«- a\n- b\n", "the lab file wants a mapping of keys to values, not a list"),
        Seeded("name: a\nmachines: «[db, web]\n", "`machines` wants a mapping of names to machines, not a list"),
        Seeded("name: a\nmachines: «{}\n", "`machines` names no machine"),
        Seeded("name: a\nmachines:\n  db: «pulse\n", "machine `db` wants a mapping of keys to values, not `pulse`"),
        Seeded("name: a\nmachines:\n  «db: {cpus: 1}\n", "machine `db` has no `image`, and there is none in `defaults`"),
        Seeded(
            "name: a\ndefaults: {«disks: []}\nmachines: {db: {image: pulse}}\n",
            "unknown key `disks`; known here: image, cpus, memory, cpu, virtio, com2, hpet, ready, restart, networks"),
        Seeded("name: a\nmachines: {db: {image: pulse}}\n«---\nname: b\n", "a second document begins here; a file holds one"),
        .machine("disks: [\(String(repeating: "{size: 1GiB}, ", count: 16))«{size: 1GiB}]", "`disks` has 17 entries; the most is 16"),
    ]

    static let yaml: [Seeded] = [
        Seeded(
            "name: a\nmachines:\n«\tdb: {image: pulse}\n",
            "this character cannot begin a value; a tab must become spaces, and text with `@`, `%` or a backtick wants quotes"),
        Seeded(
            "name: «@a\n",
            "this character cannot begin a value; a tab must become spaces, and text with `@`, `%` or a backtick wants quotes"),
        Seeded(
            "name: a: «b\n".replacing("a: «b", with: "a«: b"),
            "a `:` cannot stand here; is the line indented right, or does text with `: ` want quotes?"),
        Seeded(
            "name: a\nmachines:\n  db: {image: pulse}\n «web: {image: pulse}\n",
            "a key is expected here; is the line indented like its neighbours?"),
        Seeded("name: «\"a\nmachines:\n  db: {image: pulse}\n", "this quote is never closed"),
        Seeded(
            "name: a\nmachines: {db: {image: ${IMAGE}«}\n".replacing("${IMAGE}«}", with: "$«{IMAGE}}"),
            "a `,` or `}` is expected here; between braces, text such as `${NAME}` wants quotes"),
        Seeded(
            "name: a\nmachines:\n  db: {image: pulse, cmdline: «!!str 7}\n",
            "tags such as `tag:yaml.org,2002:str` have no meaning here: the type of a value follows from its key"),
        Seeded("name: a\nmachines:\n  db: &base\n    image: «*bsae\n", "there is no anchor `bsae` before this alias; did you mean `base`?"),
        Seeded("a: &a [«*a]\n", "alias `a` stands inside of what it stands for"),
        Seeded(
            "name: a\nmachines:\n  db: {<<: «pulse}\n".replacing("<<: «pulse", with: "<<: «pulse, image: pulse"),
            "`<<` merges mappings, not `pulse`"),
        Seeded(
            "name: a\nmachines:\n  db: {image: pulse, cmdline: «${KERNEL_ARGS}}\n".replacing(
                "«${KERNEL_ARGS}", with: "\"x «${KERNEL_ARGS}\""),
            "variable `KERNEL_ARGS` is not set"),
        Seeded(
            "name: a\nmachines:\n  db:\n    image: pulse\n    cmdline: a «${b c} d\n",
            "`b c` is not the name of a variable; write `$${` for the characters themselves"),
        Seeded(
            "name: a\nmachines:\n  db:\n    image: pulse\n    cmdline: a «${b\n",
            "`${` has no `}` after it; write `$${` for the characters themselves"),
        Seeded(
            "name: 名前\nmachines: {db: {image: pulse, «memroy: 1GiB}}\n".replacing("name: 名", with: "name: «名"),
            "lab name `名前` has `名` in it; letters a to z, digits and `-` are allowed", "unknown key `memroy`; did you mean `memory`?"),
    ]

    static let brackets: [Seeded] = [
        Seeded("name: a\nmachines:\n  db: {image: pulse}«}\n", "this `}` closes nothing that is open here"),
        Seeded("name: a\nmachines:\n  db: «{image: pulse\n", "this `{` is never closed"),
        Seeded("name: a\nmachines:\n  db: {image: pulse, after: «[web\n", "this `[` is never closed"),
        Seeded(
            "name: a\nmachines:\n  db:\n    «image\n    cpus: 1\n".replacing("«image", with: "image").replacing("cpus:", with: "cpus«:"),
            "a `:` cannot stand here; is the line indented right, or does text with `: ` want quotes?"),
        Seeded("name: a\n«machines\n", "a `:` is expected after this key"),
        Seeded("name: a\nmachines: {db: {image: pulse}}\n...\n«more: {\n", "the document has ended before this; a file holds one"),
        Seeded("«%YAML 3.0\n---\nname: a\n", "YAML of this version is not known; 1.1 and 1.2 are"),
        Seeded("name: \"a«\\q\"\n", "this escape is not known; in single quotes a backslash is just a backslash"),
        Seeded("name: «>\n  a\nmachines: {db: {image: pulse}}\n", "`name` wants a single line"),
        Seeded(
            "name: «${A:-${B}}\nmachines: {db: {image: pulse}}\n".replacing("«${A:-${B}}", with: "«${A:-${B}}"),
            "`${` wants the name of a variable, and no other variable in it; write `$${` for the characters themselves"),
    ]

    static let images: [Seeded] = [
        Seeded(
            "name: a\ndefaults: {image: «nope}\nmachines: {db: {}, web: {}}\n",
            "there is no image `nope`; there are debian-12, pulse (searched /p/labs/shop/Images, /p/labs/Images, /p/Images, /Images)"),
        Seeded(
            "name: a\nmachines:\n  db: {image: «nope}\n  web: {image: «none}\n",
            "there is no image `nope`; there are debian-12, pulse (searched /p/labs/shop/Images, /p/labs/Images, /p/Images, /Images)",
            "there is no image `none`; there are debian-12, pulse"),
        Seeded(
            "name: a\nmachines:\n  db: {image: «debain-12}\n",
            "there is no image `debain-12`; did you mean `debian-12`? (searched /p/labs/shop/Images, /p/labs/Images, /p/Images, /Images)"),
        Seeded(
            "name: a\nmachines:\n  db: {image: «windows}\n",
            "there is no image `windows`; there are debian-12, pulse (searched /p/labs/shop/Images, /p/labs/Images, /p/Images, /Images)"),
        Seeded(
            "name: a\nmachines:\n  db: {image: «../../etc}\n",
            "image name `../../etc` has `/` in it; letters a to z, digits and `-` `.` `_` are allowed"),
        Seeded(
            "name: a\nmachines:\n  db: {image: debian-12, cmdline: «\(String(repeating: "x", count: 2040))}\n",
            "the kernel command line has 2057 bytes with that of the image; the most is 2047"),
    ]
}
