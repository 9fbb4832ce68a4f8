// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/stream/streamtest"
)

// sizes are the lengths of the plaintexts that each type is tested with, most
// of them around a segment.
var sizes = []int{0, 1, 15, 16, 17, 32, 33, 100}

func toyPlaintext(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*i + i>>4)
	}
	return p
}

func encryptWriter(bug string, n int) error {
	p := toyPlaintext(n)
	return streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
		return &toyWriter{bug: bug, dst: dst}, nil
	}, p, toySeal(p))
}

func encryptReader(bug string, n int) error {
	p := toyPlaintext(n)
	return streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
		r := &toyReader{bug: bug, src: toySource{bug: bug, r: src}, next: toyEncrypt}
		switch bug {
		case "offers Seek":
			return struct {
				*toyReader
				io.Seeker
			}{r, nil}, nil
		case "offers ReadAt":
			return struct {
				*toyReader
				io.ReaderAt
			}{r, nil}, nil
		case "offers WriteTo":
			return &toyDecryptReader{*r}, nil
		}
		return r, nil
	}, p, toySeal(p))
}

func decryptReader(bug string, n int) error {
	return decrypt(bug, n, toyDecrypt, streamtest.DecryptOptions{Assurance: streamtest.VerifiedPrefix, Rejected: errToy, Pieces: toyPieces(n)})
}

func decryptReaderWhole(bug string, n int) error {
	next := toyDecryptWhole
	if strings.HasPrefix(bug, "releases") {
		next = toyDecrypt
	}
	return decrypt(bug, n, next, streamtest.DecryptOptions{Rejected: errToy})
}

// decryptReaderLate tests a sound type that releases before it verifies.
func decryptReaderLate(bug string, n int) error {
	if bug == "" {
		bug = "releases before it verifies"
	}
	return decrypt(bug, n, toyDecrypt, streamtest.DecryptOptions{Assurance: streamtest.VerifiedAtEOF, Rejected: errToy})
}

func plainReader(bug string, n int) error {
	p, c := toyPlaintext(n), toyPlaintext(n)
	for i := range c {
		c[i] ^= byte(i * 5)
	}
	return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return &toyPlainReader{bug: bug, src: toySource{bug: bug, r: src}, size: n, sum: toySum(c)}, nil
	}, c, p, &streamtest.DecryptOptions{Assurance: streamtest.Unauthenticated, Rejected: io.ErrUnexpectedEOF, Sized: bug != "is not Sized"})
}

func decrypt(bug string, n int, next func(r *toyReader) ([]byte, error), opts streamtest.DecryptOptions) error {
	p := toyPlaintext(n)
	return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return &toyDecryptReader{toyReader{bug: bug, src: toySource{bug: bug, r: src}, next: next}}, nil
	}, toySeal(p), p, &opts)
}

func decryptWriter(bug string, n int) error {
	p := toyPlaintext(n)
	return streamtest.TestDecryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
		return &toyDecryptWriter{bug: bug, dst: dst}, nil
	}, toySeal(p), p, &streamtest.DecryptOptions{Assurance: streamtest.VerifiedPrefix, Rejected: errToy, Pieces: toyPieces(n)})
}

func decryptReaderAt(bug string, n int) error {
	p := toyPlaintext(n)
	return streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
		return newToyReaderAt(bug, src, size)
	}, toySeal(p), p, &streamtest.DecryptOptions{Assurance: streamtest.VerifiedPrefix, Rejected: errToy, Pieces: toyPieces(n)})
}

// kinds are the types of the toy format.
var kinds = map[string]func(bug string, n int) error{
	"EncryptWriter":      encryptWriter,
	"EncryptReader":      encryptReader,
	"DecryptReader":      decryptReader,
	"DecryptReaderWhole": decryptReaderWhole,
	"DecryptReaderLate":  decryptReaderLate,
	"PlainReader":        plainReader,
	"DecryptWriter":      decryptWriter,
	"DecryptReaderAt":    decryptReaderAt,
}

// reported are the bugs of each kind of stream, and what must be said of them.
var reported = map[string][][2]string{
	"EncryptWriter": {
		{"panics on an empty write", "panic: runtime error: index out of range"},
		{"modifies its input", "Write changed its input"},
		{"goes on using its input", "it wrote to a buffer after the call"},
		{"empty Write after Close is an end", "empty Write after Close returned 0, EOF"},
		{"says something else later", "sticky: Write after the failure: got \"toy: dead\""},
		{"ReadFrom says something else later", "sticky: ReadFrom after the failure: got \"toy: dead\""},
		{"ReadFrom forgets errors", "sticky: ReadFrom after the failure read its source"},
		{"ReadFrom works after Close", "ReadFrom after Close returned 1, <nil>"},
		{"ReadFrom returns io.EOF", "ReadFrom returned io.EOF"},
		{"ReadFrom counts too much", "ReadFrom returned a count of"},
		{"Abort completes the stream", "it calls its sink after Abort"},
		{"writes behind its input", "it wrote behind the"},
		{"retains its input", "first difference at byte"},
		{"forgets a byte at the edge", "first difference at byte"},
		{"counts too much", "returned a count of"},
		{"counts what is left", "Write of 1 bytes returned 0, nil"},
		{"shows its buffer", "spare capacity"},
		{"overlooks short writes", "sink takes less without an error"},
		{"trusts the sink's counts", "sink returns a count"},
		{"overlooks the sink's errors", "sink errors: sink fails"},
		{"does not wrap the sink's errors", "bare \"EOF\""},
		{"forgets errors", "sticky"},
		{"completes after a source error", "sticky"},
		{"takes any error for the end", "as if nothing had happened"},
		{"ReadFrom completes the stream", "ReadFrom"},
		{"trusts counts", "panic"},
		{"waits for ever", "empty reads of the source"},
		{"never takes an end", "it calls the source for ever"},
		{"writes again until it works", "it calls the sink for ever"},
		{"drops data that comes with io.EOF", "splits"},
		{"drops errors that come with data", "source errors"},
		{"does not wrap errors", "bare \"unexpected EOF\""},
		{"loses the cause", "does not wrap"},
		{"Close forgets errors", "sticky: Close after the failure: got no error"},
		{"second Close forgets", "sticky"},
		{"second Close fails", "Close returned nil, and later already closed"},
		{"completes twice", "close: "},
		{"writes after Close", "Write after Close returned 1, <nil>"},
		{"closes its sink", "it closed the sink"},
		{"completes after Abort", "it goes on writing to its sink after the failure, toy: aborted"},
		{"Abort after Close spoils it", "Close returned nil, and later"},
		{"Abort replaces errors", "sticky: "},
		{"ignores Abort", "abort: Abort("},
		{"Abort without a reason is none", "abort: Abort(<nil>)"},
		{"does not wrap the reason", "does not wrap"},
	},
	"EncryptReader": {
		{"never ends", "yields more than"},
		{"takes an empty buffer for the end", "empty buffer: the first Read, into an empty buffer, returned EOF"},
		{"yields more after its end", "more bytes after the end"},
		{"scribbles at the end of its buffer", "it wrote to a buffer where or when it must not"},
		{"offers Seek", "read only: it offers Seek"},
		{"offers ReadAt", "read only: it offers ReadAt"},
		{"offers WriteTo", "read only: it offers WriteTo"},
		{"takes any error for the end", "as if nothing had happened"},
		{"takes an empty read for the end", "first difference at byte"},
		{"trusts counts", "panic"},
		{"waits for ever", "empty reads of the source"},
		{"never takes an end", "it calls the source for ever"},
		{"drops data that comes with io.EOF", "first difference at byte"},
		{"drops errors that come with data", "source errors"},
		{"does not wrap errors", "bare \"unexpected EOF\""},
		{"loses the cause", "does not wrap"},
		{"forwards empty reads", "Read into an empty buffer went to the source"},
		{"starts at an empty read", "Read into an empty buffer went to the source"},
		{"returns 0, nil", "returned 0, nil"},
		{"second error is io.EOF", "sticky: Read number 1 after the end: got \"EOF\""},
		{"goes on after an error", "sticky"},
		{"counts too much", "first difference at byte"},
		{"counts more than its buffer", "returned a count of"},
		{"scribbles behind what it returns", "it wrote behind the"},
		{"writes behind its buffer", "it wrote behind the end of its buffer"},
		{"goes on using its buffer", "it wrote to a buffer after the call"},
	},
	"DecryptReader": {
		{"accepts a cut between segments", "truncation: cut after byte 24"},
		{"does not verify", "altered bits: bit 0 of byte 0"},
		{"compares half of the tag", "altered bits: bit 0 of byte"},
		{"does not bind the order", "moved pieces: bytes"},
		{"stops at its last segment", "added bytes: 24 bytes appended to 24"},
		{"releases before it verifies", "is not how the right output begins"},
		{"reports a cut as an end", "truncation: "},
		{"names the tag", "does not wrap"},
		{"blames the ciphertext", "blames the ciphertext"},
		{"forwards empty reads", "Read into an empty buffer went to the source"},
		{"second error is io.EOF", "sticky: Read number 1 after the end: got \"EOF\""},
		{"goes on after an error", "sticky"},
		{"takes any error for the end", "source errors"},
		{"drops errors that come with data", "source errors"},
		{"WriteTo shows its buffer", "spare capacity"},
		{"WriteTo returns io.EOF", "WriteTo returned io.EOF"},
		{"WriteTo overlooks errors", "altered bits: bit 0 of byte 0"},
		{"WriteTo overlooks short writes", "sink takes less without an error"},
		{"WriteTo does not count", "WriteTo returned a count of 0"},
		{"WriteTo forgets the sink's errors", "sticky"},
	},
	"DecryptReaderWhole": {
		{"releases before it verifies", "released: "},
		{"releases what is verified", "released: "},
		{"does not verify", "altered bits: bit 0 of byte 0"},
	},
	"DecryptReaderLate": {
		{"does not verify", "altered bits: bit 0 of byte 0"},
		{"accepts a cut between segments", "truncation: cut after byte 24"},
		{"WriteTo overlooks errors", "altered bits: bit 0 of byte 0"},
	},
	"PlainReader": {
		{"does not miss the end", "truncation: cut after byte 0"},
		{"is not Sized", "before the source went wrong"},
		{"spreads the damage", "altered bits: bit 0 of byte"},
		{"panics at a bad length", "truncation: cut after byte 0 of 1: reads"},
		{"goes on after an error", "sticky"},
	},
	"DecryptWriter": {
		{"does not bind the order", "moved pieces: bytes"},
		{"Close does not miss the end", "truncation: cut after byte 24"},
		{"Close forgets errors", "sticky: Close after the failure: got no error"},
		{"does not verify", "altered bits: bit 0 of byte 0"},
	},
	"DecryptReaderAt": {
		{"does not bind the order", "moved pieces: bytes"},
		{"does not verify its end", "truncation: "},
		{"does not verify", "altered bits: "},
		{"takes data with io.EOF for a failure", "round trip: source that yields io.EOF with data (true)"},
		{"blames the ciphertext", "does not wrap"},
		{"takes negative offsets", "bad offsets: ReadAt at -1"},
		{"counts too much", "returned a count of"},
		{"forgets where in a segment", "ranges: "},
		{"fails behind its end", "bad offsets: ReadAt at"},
		{"starts again at its end", "bad offsets: ReadAt at"},
		{"shares its position", "concurrent calls: "},
		{"returns less without an error", "returned 5, nil"},
	},
}

// TestBugsAreReported runs the suite on types with one bug each, and wants it
// to say so in the words that follow the bug, at one size at least.
func TestBugsAreReported(t *testing.T) {
	for name, bugs := range reported {
		for _, b := range bugs {
			t.Run(name+"/"+b[0], func(t *testing.T) {
				t.Parallel()
				wantReport(t, kinds[name], b[0], b[1])
			})
		}
	}
}

// wantReport tries one size after the other until want is reported.
func wantReport(t *testing.T, test func(bug string, n int) error, bug, want string) {
	t.Helper()
	var all []string
	for _, n := range sizes {
		err := test(bug, n)
		if err != nil && strings.Contains(err.Error(), want) {
			return
		}
		all = append(all, fmt.Sprintf("len=%d: %v", n, err))
	}
	t.Errorf("want a report with %q, got\n%s", want, strings.Join(all, "\n"))
}
