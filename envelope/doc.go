// SPDX-License-Identifier: Apache-2.0

// Package envelope reads and writes the encryption headers of S3 objects, in
// every format that the Amazon S3 Encryption Client has used, and joins them
// with packages stream and wrap: a [Sealer] makes one object, an [Opener]
// reads one.
//
// # Formats
//
// A [Suite] is a metadata format together with a content cipher:
//
//	V3      AES-256-GCM under a key derived from the CEK, with key commitment; the default
//	V2GCM   AES-GCM; nothing commits to the CEK
//	V2CBC   AES-CBC with PKCS#7; not authenticated
//	V2CTR   AES-CTR; not authenticated; can only be read
//	V1      AES-CBC with PKCS#7, and a wrap that metadata does not name
//
// [ParseHeader] turns user metadata into a [Header], [Header.Metadata] turns it
// back. What is read is tolerant only where real clients differ; what is
// written is always the one form that all of them read.
//
// # Instruction files
//
// A client may keep an envelope in an object of its own beside the object, the
// instruction file, for which [ParseInstructionFile] and
// [Header.InstructionFile] are; [NeedsInstructionFile] tells from metadata
// where to look for one. V3 leaves its commitment with the object, so that a
// replaced file is noticed.
//
// # What is refused
//
// With zero [OpenOptions] only V3 opens. Every weaker thing has an option of
// its own with the danger in its name, and [Header.Required] tells which ones
// an object needs. That decision is made before any key is used, so that an
// attacker who can write objects cannot use the key as an oracle for formats
// that the reader did not ask for. Presets such as [AuthenticatedEncryption]
// spell the modes of older clients as sets of these options.
//
// # When plaintext is released
//
// The tag of GCM content comes last and covers all of it. By default an
// [Opener] buffers an object, up to 64 MiB, and releases nothing before the tag
// was verified. Larger ones need a [Release]: [Spool] keeps the ciphertext in a
// temporary file, [TwoPass] reads the body twice, and neither of them releases
// a byte that was not verified; [UnverifiedUntilEOF] does. CBC and CTR content
// streams, and nothing verifies it.
//
// # Errors
//
// Errors come in three groups. What follows from metadata alone is specific:
// [ErrNotEncrypted], a [*MetadataError], a [*PolicyError]. Whatever content
// decides once a key was used is [ErrDecrypt], one error with one text and no
// cause: a wrong key, altered metadata, an altered or shortened body cannot be
// told apart. Everything else (I/O, contexts, a missing key, limits) passes
// through wrapped.
//
// # What is not protected
//
// An envelope binds neither bucket nor key nor version: whoever can write to
// the bucket can replace an object by another one sealed under the same KEK,
// or by an older version of it. With a public RSA key, anyone can make new
// objects.
package envelope
