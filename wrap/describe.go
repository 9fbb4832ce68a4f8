// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"fmt"
	"maps"
)

// described is a key with the materials description of its objects.
type described struct {
	label
	key     Unwrapper
	matdesc map[string]string
}

// Describe returns u with a statement about which objects it is for: those
// whose materials description has the entries of matdesc. A [Keyring] picks by
// it.
//
// An object disagrees when it has an entry of the same name with another value;
// for such an object Unwrap returns [ErrNoKey] and u is not asked. An object
// that lacks an entry, or has no description at all, does not disagree. An empty
// matdesc says nothing.
//
// For all wraps but those by a KMS the description of an object is an
// unauthenticated hint: it steers which key is tried and proves nothing.
//
// The map is copied. The result has no Wrap even if u has one, and is as safe
// for concurrent use as u.
func Describe(u Unwrapper, matdesc map[string]string) Unwrapper {
	return &described{
		label:   label(describedName(printable(u), matdesc)),
		key:     u,
		matdesc: maps.Clone(matdesc),
	}
}

func (d *described) Unwrap(ctx context.Context, alg Algorithm, wrapped []byte, info Info) ([]byte, error) {
	if d.key == nil || relate(d.matdesc, info.MatDesc) == disagrees {
		return nil, fmt.Errorf("%w: %s is for other objects", ErrNoKey, string(d.label))
	}
	return d.key.Unwrap(ctx, alg, wrapped, info)
}

// A relation is what two descriptions, of a key and of an object, say about
// each other.
type relation int

const (
	disagrees relation = iota - 1
	silent
	matches
)

func relate(key, object map[string]string) relation {
	rel := matches
	if len(key) == 0 {
		rel = silent
	}
	for name, want := range key {
		switch got, ok := object[name]; {
		case !ok:
			rel = silent
		case got != want:
			return disagrees
		}
	}
	return rel
}

// describedName shows the description as well: it is no secret, objects carry it
// in the clear, and it tells which key of several is meant.
func describedName(name string, matdesc map[string]string) string {
	return fmt.Sprintf("wrap.Describe(%s, %q)", name, matdesc)
}

// printable names a key without showing it. Only a type with a String of its
// own is asked: fmt would print the fields of any other.
func printable(u Unwrapper) string {
	if s, ok := u.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", u)
}
