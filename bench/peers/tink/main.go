// SPDX-License-Identifier: Apache-2.0

// Command tink is the streaming AEAD of tink-go, with the key templates that it
// offers for AES-256-GCM: segments of 4 KiB and of 1 MiB.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/streamingaead"

	"github.com/s3seal/s3seal/bench/peers/peer"
)

func main() {
	small, err := newPeer("tink-4KiB", streamingaead.AES256GCMHKDF4KBKeyTemplate())
	if err != nil {
		fail(err)
	}
	large, err := newPeer("tink-1MiB", streamingaead.AES256GCMHKDF1MBKeyTemplate())
	if err != nil {
		fail(err)
	}
	peer.Main(small, large)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "tink:", err)
	os.Exit(1)
}

func newPeer(name string, template *tinkpb.KeyTemplate) (peer.Peer, error) {
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return peer.Peer{}, err
	}
	aead, err := streamingaead.New(handle)
	return peer.Peer{
		Name:    name,
		Encrypt: func(dst io.Writer) (io.WriteCloser, error) { return aead.NewEncryptingWriter(dst, nil) },
		Decrypt: func(src io.Reader) (io.Reader, error) { return aead.NewDecryptingReader(src, nil) },
	}, err
}
