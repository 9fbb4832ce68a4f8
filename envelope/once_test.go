// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A wrapSpy sees what is wrapped, and has it wrapped a second time.
type wrapSpy struct {
	wrap.Wrapper
	cek, again []byte
}

func (s *wrapSpy) Wrap(ctx context.Context, cek []byte, info wrap.Info) (wrapped []byte, err error) {
	s.cek = bytes.Clone(cek)
	if s.again, err = s.Wrapper.Wrap(ctx, bytes.Clone(cek), info); err != nil {
		return nil, err
	}
	return s.Wrapper.Wrap(ctx, cek, info)
}

// withoutNonce are wraps that are functions of the two keys alone.
var withoutNonce = map[wrap.Algorithm]bool{wrap.AESKW: true, wrap.AESECB: true}

// TestNothingTwice seals many objects in every format and under every wrap: no
// CEK, IV, message ID or salt comes a second time, and no wrapped key, even of one
// CEK, unless the wrap has nothing random.
func TestNothingTwice(t *testing.T) {
	for _, p := range sealable() {
		spy := &wrapSpy{Wrapper: p.key(t)}
		seen := make(map[string]bool)
		once := func(what string, b []byte) {
			if seen[string(b)] || bytes.Equal(b, make([]byte, len(b))) {
				t.Fatalf("%v: %s is zero or came twice: %x", p, what, b)
			}
			seen[string(b)] = true
		}
		for range 100 {
			s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), spy, p.options()))
			h := s.Header()
			once("a CEK", spy.cek)
			once("a wrapped key", h.WrappedKey)
			if same := bytes.Equal(spy.again, h.WrappedKey); same != withoutNonce[p.alg] {
				t.Fatalf("%v: one CEK wrapped twice is the same: %v", p, same)
			}
			if p.alg == wrap.AESGCM {
				once("the nonce of a wrapped key", h.WrappedKey[:12])
			}
			if len(h.IV) > 0 {
				once("an IV or message ID", h.IV)
				continue
			}
			body := must[[]byte](t)(io.ReadAll(must[io.Reader](t)(s.Reader(bytes.NewReader([]byte("x"))))))
			once("a salt", body[:24])
		}
	}
}
