import Testing

/// Everything that boots a carrier, one after another: each of them keeps a whole core busy.
@Suite(.serialized) enum RealCarriers {}
