// SPDX-License-Identifier: Apache-2.0

// Command sio is github.com/minio/sio, DARE 2.0 with AES-256-GCM.
package main

import (
	"bytes"
	"io"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/bench/peers/peer"
)

func main() {
	config := sio.Config{
		MinVersion:   sio.Version20,
		CipherSuites: []byte{sio.AES_256_GCM},
		Key:          bytes.Repeat([]byte{1}, 32),
	}
	peer.Main(peer.Peer{
		Name:    "sio",
		Encrypt: func(dst io.Writer) (io.WriteCloser, error) { return sio.EncryptWriter(dst, config) },
		Decrypt: func(src io.Reader) (io.Reader, error) { return sio.DecryptReader(src, config) },
	})
}
