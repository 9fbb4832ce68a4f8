// SPDX-License-Identifier: Apache-2.0

// Command ours is s3seal as a peer among others: an envelope of format V3, and
// the streams of the other formats under a raw key.
package main

import (
	"bytes"
	"context"
	"io"

	"github.com/s3seal/s3seal/bench/peers/peer"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/dare"
	"github.com/s3seal/s3seal/wrap"
)

var (
	key = bytes.Repeat([]byte{1}, 32)
	iv  = bytes.Repeat([]byte{3}, stream.BlockSize)
)

func main() {
	peer.Main(
		v3(),
		peer.Peer{
			Name:    "s3seal-chunked",
			Encrypt: func(dst io.Writer) (io.WriteCloser, error) { return chunked.NewEncryptWriter(dst, key, nil) },
			Decrypt: func(src io.Reader) (io.Reader, error) { return chunked.NewDecryptReader(src, key, nil) },
		},
		peer.Peer{
			Name:    "s3seal-DARE",
			Encrypt: func(dst io.Writer) (io.WriteCloser, error) { return dare.NewEncryptWriter(dst, key) },
			Decrypt: func(src io.Reader) (io.Reader, error) { return dare.NewDecryptReader(src, key) },
		},
		peer.Peer{
			Name:    "s3seal-CBC",
			Encrypt: func(dst io.Writer) (io.WriteCloser, error) { return stream.NewCBCEncryptWriter(dst, key, iv) },
			Decrypt: func(src io.Reader) (io.Reader, error) { return stream.NewCBCDecryptReader(src, key, iv) },
		},
	)
}

// v3 releases what it decrypts before the tag is verified, which comes last.
// Whoever wants constant memory and one pass over the body has no other choice
// in that format.
func v3() peer.Peer {
	last := make(chan map[string]string, 1) // the metadata
	return peer.Peer{
		Name: "s3seal-V3",
		Encrypt: func(dst io.Writer) (io.WriteCloser, error) {
			kek, err := wrap.NewAESGCM(key)
			if err != nil {
				return nil, err
			}
			s, err := envelope.NewSealer(context.Background(), kek, nil)
			if err != nil {
				return nil, err
			}
			meta, err := s.Header().Metadata()
			if err != nil {
				return nil, err
			}
			select {
			case <-last:
			default:
			}
			last <- meta
			return s.Writer(dst)
		},
		Decrypt: func(src io.Reader) (io.Reader, error) {
			meta := <-last
			last <- meta
			return open(src, meta)
		},
	}
}

func open(src io.Reader, meta map[string]string) (io.Reader, error) {
	h, err := envelope.ParseHeader(meta)
	if err != nil {
		return nil, err
	}
	kek, err := wrap.NewAESGCM(key)
	if err != nil {
		return nil, err
	}
	o, err := envelope.NewOpener(context.Background(), h, kek, &envelope.OpenOptions{Release: envelope.UnverifiedUntilEOF()})
	if err != nil {
		return nil, err
	}
	return o.Reader(src, -1)
}
