// SPDX-License-Identifier: Apache-2.0

// Package printtest looks for secrets in what a value shows of itself when it is
// printed, logged or encoded, in ways that nobody has meant. It is for tests alone.
package printtest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
)

// Hides fails the test if v, printed in any way, shows a piece of one of secrets,
// in any form. It returns all that was printed.
func Hides(t testing.TB, v any, secrets ...[]byte) string {
	t.Helper()
	text := printed(v)
	for _, form := range forms(secrets) {
		if strings.Contains(text, form) {
			t.Errorf("printing %T shows a secret as %q", v, form)
		}
	}
	return text
}

// piece is how many bytes of a secret are as bad as all of it.
const piece = 12

// forms returns the texts under which any of secrets could be printed. Only the
// first bytes count, because what prints may cut lines.
func forms(secrets [][]byte) []string {
	var out []string
	for _, s := range secrets {
		out = append(out, new(big.Int).SetBytes(s).String())
		p := s[:min(len(s), piece)]
		dec := strings.Trim(fmt.Sprint(p), "[]")
		out = append(out, string(p), hex.EncodeToString(p), strings.ToUpper(hex.EncodeToString(p)),
			base64.StdEncoding.EncodeToString(p), base64.URLEncoding.EncodeToString(p),
			dec, strings.ReplaceAll(dec, " ", ", "), strings.ReplaceAll(dec, " ", ","),
			fmt.Sprintf("%#v", p)[len("[]byte{"):], fmt.Sprintf("% x", p), fmt.Sprintf("% X", p), fmt.Sprintf("%b", p), fmt.Sprintf("%o", p))
		for _, word := range []uint32{binary.BigEndian.Uint32(p), binary.LittleEndian.Uint32(p)} {
			out = append(out, fmt.Sprint(word), fmt.Sprintf("%x", word), fmt.Sprintf("%X", word)) // of a key schedule
		}
	}
	return out
}

// printed returns v in every way that a program may print it by accident, by
// itself and in something larger, where fmt cannot ask it.
func printed(v any) string {
	var b strings.Builder
	type field struct {
		Exported any
		hidden   any
	}
	for _, verb := range "vsdxXqbcoOUteEfFgGpTw" {
		for _, flags := range []string{"", "+", "#", " ", "0", "-40.60"} {
			format := "%" + flags + string(verb) + "\n"
			fmt.Fprintf(&b, format, v)
			fmt.Fprintf(&b, format, field{v, v})
			fmt.Fprintf(&b, format, []any{v})
			fmt.Fprintf(&b, format, map[string]any{"k": v})
		}
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("m", "key", v, "in", field{v, v}, "list", []any{v})
	}
	if err := json.NewEncoder(&b).Encode(field{v, v}); err != nil {
		b.WriteString(err.Error())
	}
	return b.String()
}

// OnlyName fails the test unless all that v shows is the name of its type, that
// of the package included.
func OnlyName(t testing.TB, v slog.LogValuer) {
	t.Helper()
	want := strings.TrimPrefix(fmt.Sprintf("%T", v), "*")
	for _, verb := range "abcdefgijklmnoqrstuvxyzABCDEFGHIJKLMNOPQRSUVWXYZ" { // not h, p, T and w: of fmt itself
		for _, flags := range []string{"", "+", "#", "20", " "} {
			if got := fmt.Sprintf("%"+flags+string(verb), v); got != want {
				t.Errorf("%%%s%c prints %.100q, want %q", flags, verb, got, want)
			}
		}
	}
	if got := v.LogValue().String(); got != want {
		t.Errorf("LogValue = %q, want %q", got, want)
	}
}
