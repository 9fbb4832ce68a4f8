// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"io"

	"github.com/s3seal/s3seal/bench/internal/ends"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/dare"
	"github.com/s3seal/s3seal/wrap"
)

var (
	key  = bytes.Repeat([]byte{1}, 32)
	iv   = bytes.Repeat([]byte{2}, stream.GCMIVSize)
	iv16 = bytes.Repeat([]byte{3}, stream.BlockSize)
)

// A mode is a way to encrypt streams; what it has not got is nil.
type mode struct {
	name   string
	writer func(dst io.Writer) (writer, error)
	reader func(src io.Reader) (io.Reader, error)

	// seal returns the ciphertext of plain and what decrypts it.
	seal func(plain []byte) (body []byte, open opener, err error)

	readOnly bool // what decrypts has no WriteTo
	verify   func(plain []byte) (func() error, error)
	oneShot  []row
}

type writer interface {
	io.WriteCloser
	io.ReaderFrom
}

type opener func(src io.Reader) (io.Reader, error)

func modes() []*mode {
	gcm := gcmMode()
	v3 := &mode{
		name: "V3",
		writer: func(dst io.Writer) (writer, error) {
			s, err := newSealer()
			if err != nil {
				return nil, err
			}
			return s.Writer(dst)
		},
		reader: func(src io.Reader) (io.Reader, error) {
			s, err := newSealer()
			if err != nil {
				return nil, err
			}
			return s.Reader(src)
		},
		seal: sealV3(envelope.UnverifiedUntilEOF()),
	}
	return []*mode{
		cbcMode(), gcm,
		{name: "GCMBuffered", seal: sealedBy(gcm.reader, func(src io.Reader) (io.Reader, error) {
			return stream.NewGCMDecryptReader(src, key, iv, nil, 1<<30)
		})},
		v3,
		{name: "V3Buffered", seal: sealV3(envelope.Buffered(1 << 30))},
		ctrMode(), chunkedMode(), dareMode(),
	}
}

func cbcMode() *mode {
	m := &mode{
		name:    "CBC",
		writer:  func(dst io.Writer) (writer, error) { return stream.NewCBCEncryptWriter(dst, key, iv16) },
		reader:  func(src io.Reader) (io.Reader, error) { return stream.NewCBCEncryptReader(src, key, iv16) },
		oneShot: oneShotCBC(),
	}
	m.seal = sealedBy(m.reader, func(src io.Reader) (io.Reader, error) { return stream.NewCBCDecryptReader(src, key, iv16) })
	return m
}

// gcmMode decrypts in constant memory, so that what it releases is verified at
// io.EOF only.
func gcmMode() *mode {
	m := &mode{
		name:    "GCM",
		writer:  func(dst io.Writer) (writer, error) { return stream.NewGCMEncryptWriter(dst, key, iv, nil) },
		reader:  func(src io.Reader) (io.Reader, error) { return stream.NewGCMEncryptReader(src, key, iv, nil) },
		oneShot: oneShotGCM(),
	}
	m.seal = sealedBy(m.reader, func(src io.Reader) (io.Reader, error) { return stream.NewGCMUnverifiedReader(src, key, iv, nil) })
	m.verify = func(plain []byte) (func() error, error) {
		body, _, err := m.seal(plain)
		return func() error {
			_, err := stream.VerifyGCM(ends.NewFile(body), key, iv, nil)
			return err
		}, err
	}
	return m
}

// ctrMode is a range of a GCM body that begins within a block.
func ctrMode() *mode {
	const off = 5
	return &mode{
		name:     "CTRRange",
		readOnly: true,
		oneShot:  oneShotCTR(),
		seal: func(plain []byte) ([]byte, opener, error) {
			body := append(make([]byte, off), plain...) // any bytes are the ciphertext of some
			return body, func(src io.Reader) (io.Reader, error) {
				return stream.NewCTRRangeReader(src, key, iv, off, int64(len(plain)))
			}, nil
		},
	}
}

func chunkedMode() *mode {
	m := &mode{
		name:    "Chunked",
		writer:  func(dst io.Writer) (writer, error) { return chunked.NewEncryptWriter(dst, key, nil) },
		reader:  func(src io.Reader) (io.Reader, error) { return chunked.NewEncryptReader(src, key, nil) },
		oneShot: oneShotChunks(chunked.ChunkSize),
	}
	m.seal = sealedBy(m.reader, func(src io.Reader) (io.Reader, error) { return chunked.NewDecryptReader(src, key, nil) })
	return m
}

func dareMode() *mode {
	m := &mode{
		name:    "DARE",
		writer:  func(dst io.Writer) (writer, error) { return dare.NewEncryptWriter(dst, key) },
		reader:  func(src io.Reader) (io.Reader, error) { return dare.NewEncryptReader(src, key) },
		oneShot: oneShotChunks(64 << 10),
	}
	m.seal = sealedBy(m.reader, func(src io.Reader) (io.Reader, error) { return dare.NewDecryptReader(src, key) })
	return m
}

// sealedBy encrypts with one reader for another that decrypts.
func sealedBy(encrypt, decrypt func(io.Reader) (io.Reader, error)) func([]byte) ([]byte, opener, error) {
	return func(plain []byte) ([]byte, opener, error) {
		r, err := encrypt(bytes.NewReader(plain))
		if err != nil {
			return nil, nil, err
		}
		body, err := io.ReadAll(r)
		return body, decrypt, err
	}
}

func newSealer() (*envelope.Sealer, error) {
	kek, err := wrap.NewAESGCM(key)
	if err != nil {
		return nil, err
	}
	return envelope.NewSealer(context.Background(), kek, nil)
}

// sealV3 seals once; each opening parses the metadata and unwraps the key.
func sealV3(release envelope.Release) func([]byte) ([]byte, opener, error) {
	return func(plain []byte) ([]byte, opener, error) {
		s, err := newSealer()
		if err != nil {
			return nil, nil, err
		}
		meta, err := s.Header().Metadata()
		if err != nil {
			return nil, nil, err
		}
		var body bytes.Buffer
		w, err := s.Writer(&body)
		if err != nil {
			return nil, nil, err
		}
		if _, err := w.Write(plain); err != nil {
			return nil, nil, err
		}
		if err := w.Close(); err != nil {
			return nil, nil, err
		}
		return body.Bytes(), openV3(meta, release, int64(body.Len())), nil
	}
}

func openV3(meta map[string]string, release envelope.Release, size int64) opener {
	return func(src io.Reader) (io.Reader, error) {
		h, err := envelope.ParseHeader(meta)
		if err != nil {
			return nil, err
		}
		kek, err := wrap.NewAESGCM(key)
		if err != nil {
			return nil, err
		}
		o, err := envelope.NewOpener(context.Background(), h, kek, &envelope.OpenOptions{Release: release})
		if err != nil {
			return nil, err
		}
		return o.Reader(src, size)
	}
}
