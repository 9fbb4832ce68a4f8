// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A vault is a key of one's own: it stands for a machine or a card that wraps and
// unwraps, and whose key never leaves it. Its algorithm is one of those that the
// formats name, so that others could read what it wraps if they had its key.
type vault struct {
	inside wrap.Key
	log    []string // who has asked for what
}

// Algorithm implements wrap.Wrapper.
func (v *vault) Algorithm() wrap.Algorithm { return wrap.AESGCM }

// Wrap implements wrap.Wrapper. What info holds must be bound to what is wrapped.
func (v *vault) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	v.log = append(v.log, "wrap")
	return v.inside.Wrap(ctx, cek, info)
}

// Unwrap implements wrap.Unwrapper. For another algorithm the error must be
// wrap.ErrNoKey, so that a keyring goes on to the next key.
func (v *vault) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	if alg != wrap.AESGCM {
		return nil, fmt.Errorf("vault: %v: %w", alg, wrap.ErrNoKey)
	}
	v.log = append(v.log, "unwrap")
	return v.inside.Unwrap(ctx, alg, wrapped, info)
}

// A key of one's own takes the place of those of package wrap. It is used once
// for each object, not for each byte.
func ExampleNewSealer_ownWrapper() {
	ctx := context.Background()
	inside, err := wrap.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		log.Fatal(err)
	}
	key := &vault{inside: inside}

	sealer, err := envelope.NewSealer(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := sealer.Reader(strings.NewReader("attack at dawn"))
	if err != nil {
		log.Fatal(err)
	}
	opener, err := envelope.NewOpener(ctx, sealer.Header(), wrap.NewKeyring(key), nil)
	if err != nil {
		log.Fatal(err)
	}
	body, err := opener.Reader(sealed, -1)
	if err != nil {
		log.Fatal(err)
	}
	defer body.Close()
	plain, err := io.ReadAll(body)
	fmt.Printf("%s, %v, %v\n", plain, err, key.log)
	// Output: attack at dawn, <nil>, [wrap unwrap]
}
