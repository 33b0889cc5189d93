package import LabModel

extension Lab {
    /// The same, with the digest of each file of the host that it puts on a machine or into one of its CD drives: where one has changed since, so
    /// has the lab.
    package func withFileDigests() throws(ImageError) -> Lab {
        var lab = self
        for machine in lab.machines.indices {
            for file in lab.machines[machine].files.indices {
                guard case .from(let path, _) = lab.machines[machine].files[file].content else { continue }
                lab.machines[machine].files[file].content = .from(path: path, digest: "\(try FileDigest.digest(of: path))")
            }
            for index in lab.machines[machine].cdroms.indices {
                let path = lab.machines[machine].cdroms[index].path
                lab.machines[machine].cdroms[index].digest = "\(try FileDigest.digest(of: path))"
            }
        }
        return lab
    }
}
