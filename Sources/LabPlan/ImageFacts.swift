package import LabModel

/// What a plan must know of an image that may not have been built yet; all of it follows from the recipe and its key.
package struct ImageFacts: Hashable, Sendable {
    package var name: String
    /// Digest of the recipe and of everything it reads.
    package var key: String
    package var folder: ImageFolder
    package var hasInitrd: Bool
    package var hasDisk: Bool
    package var bootProtocol: ImageRecipe.BootProtocol
    package var commandLine: String

    package init(
        name: String, key: String, folder: ImageFolder, hasInitrd: Bool, hasDisk: Bool, bootProtocol: ImageRecipe.BootProtocol,
        commandLine: String
    ) {
        self.name = name
        self.key = key
        self.folder = folder
        self.hasInitrd = hasInitrd
        self.hasDisk = hasDisk
        self.bootProtocol = bootProtocol
        self.commandLine = commandLine
    }

    package init(of recipe: ImageRecipe, key: String, paths: LabPaths) {
        self.init(
            name: recipe.name, key: key, folder: paths.image(key: key), hasInitrd: recipe.boot.initrd != nil, hasDisk: recipe.disk != nil,
            bootProtocol: recipe.boot.protocolName, commandLine: recipe.boot.commandLine)
    }
}
