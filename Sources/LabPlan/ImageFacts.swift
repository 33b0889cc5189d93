package import LabModel

/// What a plan must know of an image that may not have been built yet; all of it follows from the recipe and its key.
package struct ImageFacts: Hashable, Sendable {
    package var name: String
    /// Digest of the recipe and of everything it reads.
    package var key: String
    package var folder: ImageFolder
    /// Whether there is a kernel: always, but where firmware looks for one itself.
    package var hasKernel: Bool
    package var hasFirmware: Bool
    package var hasVariables: Bool
    package var hasInitrd: Bool
    /// What is said to the kernel with each of its modules.
    package var moduleTexts: [String]
    package var hasDisk: Bool
    package var diskBus: DiskBus
    /// Whether there is a CD that each machine has.
    package var hasCD: Bool
    /// Whether the disk is of our own making, so that files can be laid over it.
    package var takesFiles: Bool
    package var bootProtocol: ImageRecipe.BootProtocol
    package var board: ImageRecipe.Board
    package var commandLine: String

    package init(
        name: String, key: String, folder: ImageFolder, hasKernel: Bool = true, hasFirmware: Bool = false,
        hasVariables: Bool = false, hasInitrd: Bool, moduleTexts: [String] = [], hasDisk: Bool,
        diskBus: DiskBus = .virtio, hasCD: Bool = false, takesFiles: Bool? = nil, bootProtocol: ImageRecipe.BootProtocol,
        board: ImageRecipe.Board = .pc, commandLine: String
    ) {
        self.name = name
        self.key = key
        self.folder = folder
        self.hasKernel = hasKernel
        self.hasFirmware = hasFirmware
        self.hasVariables = hasVariables
        self.hasInitrd = hasInitrd
        self.moduleTexts = moduleTexts
        self.hasDisk = hasDisk
        self.diskBus = diskBus
        self.hasCD = hasCD
        self.takesFiles = takesFiles ?? hasDisk
        self.bootProtocol = bootProtocol
        self.board = board
        self.commandLine = commandLine
    }

    package init(of recipe: ImageRecipe, key: String, paths: LabPaths) {
        self.init(
            name: recipe.name, key: key, folder: paths.image(key: key), hasKernel: recipe.hasKernel,
            hasFirmware: recipe.boot.firmware != nil, hasVariables: recipe.boot.nvram != nil, hasInitrd: recipe.boot.initrd != nil,
            moduleTexts: recipe.boot.modules.map(\.text), hasDisk: recipe.hasDisk, diskBus: recipe.diskBus, hasCD: recipe.cdrom != nil,
            takesFiles: recipe.disk != nil,
            bootProtocol: recipe.boot.protocolName, board: recipe.boot.board, commandLine: recipe.boot.commandLine)
    }
}
