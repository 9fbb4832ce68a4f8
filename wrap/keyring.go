// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// A Keyring is several unwrappers that act as one, which is what key rotation
// needs: wrap with the newest key, read with all of them.
//
// For each object it decides in this order:
//
//   - A key of [Describe] whose description disagrees with the object's is left
//     out. One whose description the object has in full is tried first, and the
//     rest after it, in the order of [NewKeyring].
//   - A key that answers [ErrNoKey] does not serve the algorithm.
//   - The first CEK that a key vouches for is the result.
//
// Two wraps cannot tell that a key is the wrong one, and are not tried with one
// key after the other. RSA PKCS#1 v1.5 answers a wrong key with some other CEK,
// on purpose; AES-ECB without padding has no redundancy at all. Where more than
// one key would do, Unwrap fails with an error that wraps ErrNoKey and asks for
// descriptions; of keys whose descriptions match, and of those that are silent,
// it takes the former.
//
// A Keyring promises no more than its keys do: one legacy key in it makes it
// read that legacy wrap. It is safe for concurrent use if its keys are.
type Keyring struct {
	entries []entry
}

// entry is a key with all the descriptions that lie around it.
type entry struct {
	key   Unwrapper
	descs []map[string]string
}

// A candidate is a key that may be tried for one object.
type candidate struct {
	key Unwrapper
	rel relation
	rsa bool // serves RSAPKCS1; known only where it matters
}

// NewKeyring returns a Keyring of keys. The slice is copied; nil elements are
// passed over. A Keyring among the keys, described or not, counts as the keys
// that it holds. A Keyring without keys answers every Unwrap with [ErrNoKey].
// It may be called concurrently.
func NewKeyring(keys ...Unwrapper) *Keyring {
	r := new(Keyring)
	for _, k := range keys {
		r.entries = appendEntries(r.entries, k, nil)
	}
	return r
}

// appendEntries takes nested Keyrings apart. Inside each other they would hide
// from the outer one that several of their keys serve PKCS#1 v1.5.
func appendEntries(dst []entry, u Unwrapper, descs []map[string]string) []entry {
	switch k := u.(type) {
	case nil:
		return dst
	case *described:
		return appendEntries(dst, k.key, append(slices.Clone(descs), k.matdesc))
	case *Keyring:
		for _, e := range k.entries {
			dst = append(dst, entry{e.key, slices.Concat(descs, e.descs)})
		}
		return dst
	}
	return append(dst, entry{u, descs})
}

// Unwrap returns the CEK from the key that serves the object; see [Keyring] for
// how it chooses.
//
// The error wraps [ErrNoKey] when no key serves alg and the description, or when
// more than one does and trial cannot decide. It is [ErrUnwrap] when every key
// that serves has rejected wrapped. The error of a key that could not tell, such
// as one whose KMS is out of reach, is passed through unless another key
// succeeds. It may be called concurrently.
func (r *Keyring) Unwrap(ctx context.Context, alg Algorithm, wrapped []byte, info Info) ([]byte, error) {
	cands := r.candidates(info.MatDesc)
	if alg == Unnamed || alg == RSAPKCS1 {
		var err error
		if cands, err = atMostOneRSA(ctx, cands, alg, wrapped, info); err != nil {
			return nil, err
		}
	}
	t := trial{alg: alg, size: len(wrapped)}
	for _, c := range cands {
		cek, err := c.key.Unwrap(ctx, alg, wrapped, info)
		if t.done(c, cek, err) {
			break
		}
	}
	return t.result(len(r.entries))
}

// candidates returns the keys that the description of an object admits, the
// matching ones first.
func (r *Keyring) candidates(object map[string]string) []candidate {
	var matching, rest []candidate
	for _, e := range r.entries {
		switch rel := e.relate(object); rel {
		case matches:
			matching = append(matching, candidate{key: e.key, rel: rel})
		case silent:
			rest = append(rest, candidate{key: e.key, rel: rel})
		}
	}
	return append(matching, rest...)
}

func (e entry) relate(object map[string]string) relation {
	rel := silent
	for _, d := range e.descs {
		switch relate(d, object) {
		case disagrees:
			return disagrees
		case matches:
			rel = matches
		}
	}
	return rel
}

// atMostOneRSA leaves one PKCS#1 v1.5 key among the candidates, or fails. A key
// is asked with an empty wrapped key whether it serves RSAPKCS1: an Unwrapper
// answers ErrNoKey before it looks at wrapped.
func atMostOneRSA(ctx context.Context, cands []candidate, alg Algorithm, wrapped []byte, info Info) ([]candidate, error) {
	if len(cands) < 2 {
		return cands, nil
	}
	matching := false
	for i := range cands {
		c := &cands[i]
		_, err := c.key.Unwrap(ctx, RSAPKCS1, nil, info)
		c.rsa = !errors.Is(err, ErrNoKey)
		matching = matching || c.rsa && c.rel == matches
	}
	short := alg == Unnamed && isECBSize(len(wrapped)) // shorter than any RSA modulus
	n := 0
	cands = slices.DeleteFunc(cands, func(c candidate) bool {
		if !c.rsa {
			return false
		}
		if short || matching && c.rel != matches {
			return true
		}
		n++
		return false
	})
	if n > 1 {
		return nil, ambiguous(n, RSAPKCS1)
	}
	return cands, nil
}

// isECBSize reports whether n is the size of a CEK in AES-ECB, padded or not.
func isECBSize(n int) bool { return n == 16 || n == 32 || n == 48 }

func ambiguous(n int, alg Algorithm) error {
	return fmt.Errorf("%w: %d keys serve %v, which trial cannot tell apart; give them materials descriptions (wrap.Describe)", ErrNoKey, n, alg)
}

// String returns a text that names the kinds of the keys, with their
// descriptions, and shows none of the keys.
func (r *Keyring) String() string {
	names := make([]string, len(r.entries))
	for i, e := range r.entries {
		names[i] = printable(e.key)
		for _, d := range slices.Backward(e.descs) { // the innermost is the last
			names[i] = describedName(names[i], d)
		}
	}
	return "wrap.Keyring[" + strings.Join(names, " ") + "]"
}

// GoString returns the same as String, for %#v.
func (r *Keyring) GoString() string { return r.String() }

// Format prints what String returns, whatever the verb.
func (r *Keyring) Format(f fmt.State, verb rune) { label(r.String()).Format(f, verb) }

// LogValue returns what String returns, for package log/slog.
func (r *Keyring) LogValue() slog.Value { return slog.StringValue(r.String()) }
