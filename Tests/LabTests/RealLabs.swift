import Testing

/// Labs that really run. One after another: each may use both cores of a small host.
@Suite(.serialized) struct `real labs` {}
