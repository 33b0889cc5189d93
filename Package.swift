// swift-tools-version: 6.2
import PackageDescription

/// Every room is built the same way: Swift 6 mode, unsafe code spelt out, no warning left standing.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableExperimentalFeature("Lifetimes"),
]

/// Tests may use unsafe calls without ceremony.
let relaxed: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

/// Programs that must start in milliseconds on any kernel, inside a carrier too: no shared library at all.
let fullyStatic: [LinkerSetting] = [
    .unsafeFlags(["-static-executable", "-Xlinker", "-s"], .when(configuration: .release)),
    .unsafeFlags(["-static-executable"], .when(configuration: .debug)),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func staticProgram(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: fullyStatic)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: relaxed)
}

let package = Package(
    name: "vmlab",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.4.0"),
    ],
    targets: [
        // Doors to C: names for macros and headers, no logic.
        .target(name: "CLinux"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        // From the lab file to the plan: values only.
        room("LabModel"),
        room("LabFile", ["LabModel", "Processor", "CYAML"]),
        room("LabPlan", ["LabModel"]),
        room("LabGraph", ["LabModel"]),

        // From the plan to running machines.
        room("Host", ["CLinux", system]),
        room("LabImages", ["LabModel", "Host", "CArchive", "CCrypto", "CZlib", system]),
        room("CarrierLink"),
        room("Carrier", ["CarrierLink", "LabModel", "Host", "CLinux", system]),
        room("LabRunner", ["LabModel", "LabPlan", "LabImages", "Carrier", "Host"]),
        .executableTarget(
            name: "vmlab",
            dependencies: [
                "LabModel", "LabFile", "LabPlan", "LabGraph", "LabImages", "LabNetwork", "LabRunner", "Carrier", "Host", arguments,
            ],
            swiftSettings: strict),

        // The bridge: frames in, frames out. No Foundation either.
        room("LabNetwork", ["LabModel", "PortStream"]),
        staticProgram("vmlab-network", ["LabNetwork", "LabModel", "PortStream", "Host", "CLinux"]),

        .executableTarget(
            name: "vmlab-bench", dependencies: ["LabModel", "LabImages", "Host", "CLinux"], swiftSettings: relaxed),

        // One guest. No Foundation from here on.
        room("PortStream"),
        room("Processor"),
        room("Devices", ["PortStream"]),
        room("VMM", ["Devices", "PortStream", "Processor", "Host", "CLinux"]),
        staticProgram("vmlab-machine", ["VMM", "Devices", "Processor", "Host"]),
        staticProgram("vmlab-carrier-init", ["CarrierLink", "Host", "CLinux", system]),
        staticProgram("vmlab-leash", ["Host", "CLinux", system]),

        .target(name: "TestSupport", dependencies: ["Host"], path: "Tests/TestSupport", swiftSettings: relaxed),
        tests("HostTests", ["Host", system]),
        tests("LabFileTests", ["LabFile", "LabModel", "LabPlan"]),
        tests("LabGraphTests", ["LabGraph", "LabModel"]),
        tests("LabPlanTests", ["LabPlan", "LabModel", "LabNetwork"]),
        tests("LabImagesTests", ["LabImages", "LabFile", "LabModel", "Host", system]),
        tests("LabRunnerTests", ["LabRunner", "LabPlan", "LabModel", "Host", "TestSupport"]),
        tests("CarrierTests", ["Carrier", "CarrierLink", "LabImages", "LabModel", "Host", "CLinux", system]),
        tests("DevicesTests", ["Devices", "PortStream"]),
        tests("LabNetworkTests", ["LabNetwork", "LabModel", "LabPlan", "PortStream", "Host"]),
        tests("VMMTests", ["VMM", "Devices", "PortStream", "Processor", "Host"]),
        tests("TidyTests", []),
        tests("LabTests", ["LabModel", "Host", "TestSupport"]),
    ]
)
