// SPDX-License-Identifier: Apache-2.0

// Command age is filippo.io/age with an X25519 key: ChaCha20-Poly1305 in chunks
// of 64 KiB.
package main

import (
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/s3seal/s3seal/bench/peers/peer"
)

func main() {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Fprintln(os.Stderr, "age:", err)
		os.Exit(1)
	}
	peer.Main(peer.Peer{
		Name:    "age",
		Encrypt: func(dst io.Writer) (io.WriteCloser, error) { return age.Encrypt(dst, id.Recipient()) },
		Decrypt: func(src io.Reader) (io.Reader, error) { return age.Decrypt(src, id) },
	})
}
