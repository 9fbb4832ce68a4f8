// SPDX-License-Identifier: Apache-2.0

package printtest

import (
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"testing"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// A failing test notes that it has failed, and goes on.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper()               {}
func (f *failing) Errorf(string, ...any) { f.failed = true }

type named struct{}

func (named) LogValue() slog.Value { return slog.StringValue("printtest.named") }

type talkative struct{ key []byte }

// Where fmt cannot ask what it prints, it looks behind one pointer, not two.
type silent struct{ secret *talkative }

func (silent) Format(f fmt.State, _ rune) { io.WriteString(f, "printtest.silent") }

func (silent) LogValue() slog.Value { return slog.StringValue("printtest.silent") }

// TestFound: what shows a key, wherever it is in there, is found.
func TestFound(t *testing.T) {
	for name, v := range map[string]any{
		"bytes": key, "field": talkative{key}, "pointer": &talkative{key}, "array": [32]byte(key),
		"number": new(big.Int).SetBytes(key), "text": "the key is " + string(key),
	} {
		f := &failing{TB: t}
		if Hides(f, v, key); !f.failed {
			t.Errorf("%s: the key was not found in what is printed", name)
		}
	}
}

// TestHidden: what shows none is not blamed.
func TestHidden(t *testing.T) {
	if text := Hides(t, &silent{&talkative{key}}, key); !strings.Contains(text, "printtest.silent") {
		t.Error("the name was not printed")
	}
	OnlyName(t, &silent{&talkative{key}})
	f := &failing{TB: t}
	if OnlyName(f, named{}); !f.failed {
		t.Error("a type without Format was taken for one that shows only its name")
	}
}
