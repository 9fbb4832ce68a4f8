// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/streamtest"
)

// The last test case for AES-128 with 96-bit IVs of the proposal for GCM by
// McGrew and Viega, number 4.
var (
	exampleKey        = unhex("feffe9928665731c6d6a8f9467308308")
	exampleIV         = unhex("cafebabefacedbaddecaf888")
	exampleAAD        = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
	examplePlaintext  = unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
	exampleCiphertext = unhex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func ExampleTestEncryptWriter() {
	err := streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
		return stream.NewGCMEncryptWriter(dst, exampleKey, exampleIV, exampleAAD)
	}, examplePlaintext, exampleCiphertext)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleTestEncryptReader() {
	err := streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
		return stream.NewGCMEncryptReader(src, exampleKey, exampleIV, exampleAAD)
	}, examplePlaintext, exampleCiphertext)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleTestDecryptReader() {
	err := streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return stream.NewGCMDecryptReader(src, exampleKey, exampleIV, exampleAAD, 1<<20)
	}, exampleCiphertext, examplePlaintext, &streamtest.DecryptOptions{
		Assurance: streamtest.VerifiedWhole,
		Rejected:  stream.ErrDecrypt,
	})
	fmt.Println(err)
	// Output: <nil>
}

// CTR mode has no tag, which is not what is expected of a stream by default.
func ExampleTestDecryptReader_broken() {
	n := len(examplePlaintext)
	err := streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return stream.NewCTRRangeReader(src, exampleKey, exampleIV, 0, int64(n))
	}, exampleCiphertext[:n], examplePlaintext, nil)
	for line := range strings.Lines(err.Error()) {
		if strings.Contains(line, "altered bits") {
			fmt.Print(line)
		}
	}
	// Output: streamtest: altered bits: bit 0 of byte 0 of 60 flipped: it was accepted as genuine, after 60 bytes of plaintext
}

// The toy format of the tests of this package has a decrypting writer.
func ExampleTestDecryptWriter() {
	plaintext := []byte("attack at dawn, and again at dusk")
	err := streamtest.TestDecryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
		return &toyDecryptWriter{dst: dst}, nil
	}, toySeal(plaintext), plaintext, &streamtest.DecryptOptions{
		Assurance: streamtest.VerifiedPrefix,
		Rejected:  errToy,
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleTestDecryptReaderAt() {
	plaintext := []byte("attack at dawn, and again at dusk")
	err := streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
		return newToyReaderAt("", src, size)
	}, toySeal(plaintext), plaintext, &streamtest.DecryptOptions{
		Assurance: streamtest.VerifiedPrefix,
		Rejected:  errToy,
	})
	fmt.Println(err)
	// Output: <nil>
}
