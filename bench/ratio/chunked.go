// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/bench/internal/ends"
	"github.com/s3seal/s3seal/bench/internal/score"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/dare"
)

const (
	chunkedBar = 0.85 // of one-shot Seal and Open of its chunks
	dareBar    = 0.95 // of sio
	readAtBar  = 1.00 // of sio
)

// A chunkKit is the plaintext of a kit in the formats whose chunks are
// authenticated one by one, and in chunks that crypto/cipher has sealed.
type chunkKit struct {
	*kit
	ours, dare []byte
	chunks     [][]byte
	buf        []byte // room for a chunk
}

func newChunkKit(size int) (*chunkKit, error) {
	k, err := newKit(size)
	if err != nil {
		return nil, err
	}
	c := &chunkKit{kit: k, buf: make([]byte, 0, chunked.ChunkSize+k.aead.Overhead())}
	if c.ours, err = sealedBy(chunked.NewEncryptReader(bytes.NewReader(k.plain), key, nil)); err != nil {
		return nil, err
	}
	if c.dare, err = sealedBy(dare.NewEncryptReader(bytes.NewReader(k.plain), key)); err != nil {
		return nil, err
	}
	for i, p := range slices.Collect(slices.Chunk(k.plain, chunked.ChunkSize)) {
		c.chunks = append(c.chunks, k.aead.Seal(nil, chunkNonce(i), p, nil))
	}
	return c, nil
}

func sealedBy[R io.Reader](r R, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func chunkNonce(i int) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), uint64(i))
}

// seal seals the plaintext in chunks, into one buffer that stays in the cache.
func (c *chunkKit) seal() error {
	nonce := make([]byte, 12)
	for i := 0; i < len(c.plain); i += chunked.ChunkSize {
		binary.BigEndian.PutUint64(nonce[4:], uint64(i/chunked.ChunkSize))
		c.aead.Seal(c.buf, nonce, c.plain[i:min(i+chunked.ChunkSize, len(c.plain))], nil)
	}
	return nil
}

func (c *chunkKit) open() error {
	nonce := make([]byte, 12)
	for i, p := range c.chunks {
		binary.BigEndian.PutUint64(nonce[4:], uint64(i))
		if _, err := c.aead.Open(c.buf, nonce, p, nil); err != nil {
			return err
		}
	}
	return nil
}

func encryptChunked(f feed) error {
	w, err := chunked.NewEncryptWriter(ends.Sink{}, key, nil)
	return fed(w, err, f)
}

func sioConfig() sio.Config {
	return sio.Config{MinVersion: sio.Version20, MaxVersion: sio.Version20, CipherSuites: []byte{sio.AES_256_GCM}, Key: key}
}

// chunkedOneCore returns the comparisons of the chunked formats for one size.
func chunkedOneCore(size int) ([]score.Row, error) {
	c, err := newChunkKit(size)
	if err != nil {
		return nil, err
	}
	rows := []score.Row{
		pair("chunked/encrypt/Write/whole", size, chunkedBar, c.seal, func() error { return encryptChunked(whole(c.plain)) }),
		pair("chunked/decrypt/WriteTo", size, chunkedBar, c.open, func() error {
			return drain(chunked.NewDecryptReader(bytes.NewReader(c.ours), key, nil))
		}),
		pair("DARE/encrypt/Write/whole, to sio", size, dareBar, func() error {
			w, err := sio.EncryptWriter(ends.Sink{}, sioConfig())
			return fed(w, err, whole(c.plain))
		}, func() error {
			w, err := dare.NewEncryptWriter(ends.Sink{}, key)
			return fed(w, err, whole(c.plain))
		}),
		pair("DARE/decrypt/Copy, to sio", size, dareBar, func() error {
			return drain(sio.DecryptReader(ends.NewFile(c.dare), sioConfig()))
		}, func() error { return drain(dare.NewDecryptReader(ends.NewFile(c.dare), key)) }),
	}
	return append(rows, c.readAt()...), nil
}

// readAt returns the comparisons of reads at random offsets with those of sio.
func (c *chunkKit) readAt() []score.Row {
	size := len(c.plain)
	const n = 64 << 10
	if size < 4*n {
		return nil
	}
	reads := func(newReader func() (io.ReaderAt, error)) func() error {
		return func() error {
			r, err := newReader()
			if err != nil {
				return err
			}
			p := make([]byte, n)
			x := uint32(1)
			for range size / n {
				x = x*1664525 + 1013904223
				if _, err := r.ReadAt(p, int64(x)%int64(size-n)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	theirs := reads(func() (io.ReaderAt, error) { return sio.DecryptReaderAt(bytes.NewReader(c.dare), sioConfig()) })
	return []score.Row{
		pair("chunked/ReadAt/64KiB, to sio", size, readAtBar, theirs, reads(func() (io.ReaderAt, error) {
			return chunked.NewReaderAt(bytes.NewReader(c.ours), int64(len(c.ours)), key, nil)
		})),
		pair("DARE/ReadAt/64KiB, to sio", size, readAtBar, theirs, reads(func() (io.ReaderAt, error) {
			return dare.NewReaderAt(bytes.NewReader(c.dare), int64(len(c.dare)), key)
		})),
	}
}

// chunkedAllCores returns the comparisons of scaling of the chunked format.
func chunkedAllCores(cores int) ([]score.Row, error) {
	var seal, open []func() error
	var k *chunkKit
	for range cores {
		c, err := newChunkKit(scaledSize)
		if err != nil {
			return nil, err
		}
		seal, open, k = append(seal, c.seal), append(open, c.open), c
	}
	return []score.Row{
		scaled("chunked/encrypt/ReadFrom", seal, func() error { return encryptChunked(copyFrom(k.plain)) }),
		scaled("chunked/decrypt/WriteTo", open, func() error {
			return drain(chunked.NewDecryptReader(ends.NewFile(k.ours), key, nil))
		}),
	}, nil
}
