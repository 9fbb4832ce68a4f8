// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A generator is a Wrapper that wants to make the CEK.
type generator struct {
	wrap.Key
	size  int
	err   error
	calls int
	infos []wrap.Info
}

func (g *generator) Wrap(context.Context, []byte, wrap.Info) ([]byte, error) {
	return nil, errors.New("Wrap was called on a Generator")
}

func (g *generator) Generate(ctx context.Context, size int, info wrap.Info) (cek, wrapped []byte, err error) {
	g.calls++
	g.infos = append(g.infos, info)
	if g.err != nil {
		return nil, nil, g.err
	}
	cek = bytes.Repeat([]byte{7}, size+g.size)
	wrapped, err = g.Key.Wrap(ctx, cek, info)
	return cek, wrapped, err
}

// TestSealerAsksGenerator: where the wrapper can make the CEK, one call makes
// and wraps it, bound to the format, and what comes out opens.
func TestSealerAsksGenerator(t *testing.T) {
	key, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{Key: key}
	s, err := envelope.NewSealer(t.Context(), g, nil)
	if err != nil {
		t.Fatal(err)
	}
	if g.calls != 1 || g.infos[0].ContentAlg != "115" {
		t.Errorf("%d calls of Generate with %+v, want one with content algorithm 115", g.calls, g.infos)
	}
	if _, err := envelope.NewOpener(t.Context(), s.Header(), key, nil); err != nil {
		t.Errorf("NewOpener = %v", err)
	}
}

// TestSealerGeneratorFails: its errors pass through, and a key of another size
// than was asked for is one.
func TestSealerGeneratorFails(t *testing.T) {
	key, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	down := errors.New("throttled")
	if _, err := envelope.NewSealer(t.Context(), &generator{Key: key, err: down}, nil); !errors.Is(err, down) {
		t.Errorf("NewSealer = %v, want %v", err, down)
	}
	if _, err := envelope.NewSealer(t.Context(), &generator{Key: key, size: -8}, nil); err == nil {
		t.Error("NewSealer = nil for a CEK of 24 bytes")
	}
}
