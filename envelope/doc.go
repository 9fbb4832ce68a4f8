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
//	V3       AES-256-GCM under a key derived from the CEK, with key commitment; the default
//	V2GCM    AES-GCM; nothing commits to the CEK
//	V2CBC    AES-CBC with PKCS#7; not authenticated
//	V2CTR    AES-CTR; not authenticated; can only be read
//	V1       AES-CBC with PKCS#7, and a wrap that metadata does not name
//	Chunked  C2SP chunked encryption, with key commitment
//
// GCM has one tag, at the end of up to 64 GiB. Chunked has one for every 16 KiB
// of up to 4 PiB, so that a range of it is authenticated, too. It is s3seal's own
// format, with names of its own: AWS's clients refuse such objects. DARE 2.0, the
// format of MinIO, is one more that is s3seal's own as far as the envelope goes; it
// is passed in from package envelope/dare.
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
// With zero [OpenOptions] only V3 and Chunked open. Every weaker thing has an
// option of its own with the danger in its name, and [Header.Required] tells which
// ones an object needs. That decision is made before any key is used, so that an
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
// Chunked and DARE content streams and is verified as it goes, at any offset:
// [Opener.RangeReader] and [Opener.ReaderAt] need no option for it. That a whole
// body has ended where it should is known at io.EOF only.
//
// # Several recipients, places, other keys
//
// A Chunked object may be sealed for up to 8 keys ([SealOptions].Recipients), and
// Chunked and DARE can be bound to the bucket and key that an object is stored
// under ([Binding]). [Rewrap] gives an object of any format another key, or other
// recipients, without reading its body.
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
// An envelope binds neither bucket nor key, unless it has a [Binding] and the
// reader asks for one (RequireBound), and never the version: whoever can write to
// the bucket can replace an object by another one sealed under the same KEK, or by
// an older version of it. With a public RSA key, anyone can make new objects. Who
// the recipients of an object are is not authenticated.
package envelope
