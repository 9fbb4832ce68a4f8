// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// TestPrintsNothing: no verb of fmt, and no log, shows what a stream holds.
func TestPrintsNothing(t *testing.T) {
	for want, v := range streamsInUse(t) {
		for verb := byte('A'); verb <= 'z'; verb++ {
			if strings.IndexByte("Tpw", verb) >= 0 || verb > 'Z' && verb < 'a' {
				continue // the type, the address, errors; no letters
			}
			for _, flags := range []string{"", "+", "#", "20", " "} {
				if got := fmt.Sprintf("%"+flags+string(verb), v); got != want {
					t.Errorf("%%%s%c prints %.100q, want %q", flags, verb, got, want)
				}
			}
		}
		if got := v.(slog.LogValuer).LogValue().String(); got != want {
			t.Errorf("LogValue = %q, want %q", got, want)
		}
	}
}

// streamsInUse returns one of each, after its first bytes.
func streamsInUse(t *testing.T) map[string]any {
	t.Helper()
	key, iv, block := make([]byte, 32), make([]byte, 12), make([]byte, 16)
	src := func() io.Reader { return bytes.NewReader(make([]byte, 1<<20)) }
	all := make(map[string]any)
	add := func(v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		switch v := v.(type) {
		case io.Writer:
			if _, err := v.Write(make([]byte, 300<<10)); err != nil {
				t.Fatal(err)
			}
		case io.Reader:
			_, _ = v.Read(make([]byte, 10)) // zeros decrypt to nothing good
		}
		all[strings.TrimPrefix(fmt.Sprintf("%T", v), "*")] = v
	}
	var v any
	var err error
	v, err = stream.NewCBCEncryptWriter(io.Discard, key, block)
	add(v, err)
	v, err = stream.NewCBCEncryptReader(src(), key, block)
	add(v, err)
	v, err = stream.NewCBCDecryptReader(src(), key, block)
	add(v, err)
	v, err = stream.NewGCMEncryptWriter(io.Discard, key, iv, nil)
	add(v, err)
	v, err = stream.NewGCMEncryptReader(src(), key, iv, nil)
	add(v, err)
	v, err = stream.NewGCMDecryptReader(src(), key, iv, nil, 1<<20)
	add(v, err)
	v, err = stream.NewGCMUnverifiedReader(src(), key, iv, nil)
	add(v, err)
	v, err = stream.NewCTRRangeReader(src(), key, iv, 3, 100)
	add(v, err)
	v, err = stream.NewCTRReader(src(), key, block)
	add(v, err)
	v, err = stream.NewCBCRangeReader(src(), key, block, 3, 100, 1<<20)
	add(v, err)
	at := bytes.NewReader(make([]byte, 1<<20))
	v, err = stream.NewCBCReaderAt(at, 1<<20, key, block)
	add(v, err)
	v, err = stream.NewCTRReaderAt(at, 1<<20, key, block)
	add(v, err)
	v, err = stream.NewGCMUnauthenticatedReaderAt(at, 1<<20, key, iv)
	add(v, err)
	if len(all) != 13 {
		t.Fatalf("%d streams, want all 13", len(all))
	}
	return all
}
