// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/s3seal/s3seal/stream"
)

// headerOwn reads the formats of s3seal's own. They take no name of AWS's
// formats beside theirs, not even the hints, and no name that this version does
// not know: it could say something that must not be passed over.
func (f fields) headerOwn(extra []Suite) (_ *Header, err error) {
	h := new(Header)
	if h.Suite, err = f.suiteOwn(extra); err != nil {
		return nil, err
	}
	if err := f.recipientsOwn(h); err != nil {
		return nil, err
	}
	format := h.Suite.info().format
	if format.SaltSize() > 0 {
		if h.IV, err = f.bytes(nameOwnSalt); err != nil {
			return nil, err
		}
	}
	if h.Bound, err = f.flag(nameOwnBound); err != nil {
		return nil, err
	}
	if h.Empty, err = f.flag(nameOwnEmpty); err != nil {
		return nil, err
	}
	known := h.namesOwn()
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(known, name) {
			return nil, &MetadataError{name, "does not belong to format " + format.Wire()}
		}
	}
	return h, nil
}

// suiteOwn finds the suite by its name.
func (f fields) suiteOwn(extra []Suite) (Suite, error) {
	text := f[nameOwnSuite]
	if text == "" {
		return Suite{}, &MetadataError{nameOwnSuite, "missing"}
	}
	for _, s := range slices.Concat([]Suite{Chunked}, extra) {
		if format := s.info().format; format != nil && format.Wire() == text {
			return s, nil
		}
	}
	return Suite{}, &MetadataError{nameOwnSuite, "unknown suite " + strconv.Quote(clip(text)) + ", which is neither built in nor passed in"}
}

// recipientsOwn reads the wrapped keys, without gaps in their numbers.
func (f fields) recipientsOwn(h *Header) (err error) {
	for i := range maxRecipients {
		names := ownNames(i)
		if f[names.key] == "" {
			break
		}
		var r Recipient
		if r.WrappedKey, err = f.bytes(names.key); err != nil {
			return err
		}
		code := f[names.wrap]
		alg, ok := wrapCodes[code]
		if !ok {
			return &MetadataError{names.wrap, "want 02, 12 or 22, got " + strconv.Quote(clip(code))}
		}
		r.Wrap = alg
		if r.MatDesc, err = parseMatDesc(names.desc, f[names.desc]); err != nil {
			return err
		}
		h.setRecipient(i, r)
	}
	return nil
}

// flag reads a name that is absent or 1.
func (f fields) flag(name string) (bool, error) {
	switch f[name] {
	case "":
		return false, nil
	case "1":
		return true, nil
	}
	return false, &MetadataError{name, "want 1 or nothing, got " + strconv.Quote(clip(f[name]))}
}

// ownNames are the names of recipient i, counted from 0. The first has no
// number.
func ownNames(i int) wireNames {
	n := wireNames{nameOwnKey, nameOwnSalt, nameOwnWrap, nameOwnDesc}
	if i > 0 {
		suffix := "-" + strconv.Itoa(i+1)
		n.key, n.wrap, n.desc = n.key+suffix, n.wrap+suffix, n.desc+suffix
	}
	return n
}

// namesOwn are all names that may be there beside each other.
func (h *Header) namesOwn() []string {
	names := []string{nameOwnSuite, nameOwnBound}
	format := h.Suite.info().format
	if format.SaltSize() > 0 {
		names = append(names, nameOwnSalt)
	}
	if format.MarksEmpty() {
		names = append(names, nameOwnEmpty)
	}
	for i := range h.everyone() {
		n := ownNames(i)
		names = append(names, n.key, n.wrap, n.desc)
	}
	return names
}

// metadataOwn always writes the descriptions.
func (h *Header) metadataOwn() (map[string]string, error) {
	m := map[string]string{nameOwnSuite: h.Suite.info().format.Wire()}
	for i, r := range h.everyone() {
		names := ownNames(i)
		desc, err := encodeMatDesc(names.desc, r.MatDesc)
		if err != nil {
			return nil, err
		}
		m[names.key], m[names.desc] = encodeBytes(r.WrappedKey), desc
		for code, alg := range wrapCodes {
			if alg == r.Wrap {
				m[names.wrap] = code
			}
		}
	}
	if len(h.IV) > 0 {
		m[nameOwnSalt] = encodeBytes(h.IV)
	}
	if h.Bound {
		m[nameOwnBound] = "1"
	}
	if h.Empty {
		m[nameOwnEmpty] = "1"
	}
	return m, nil
}

// checkOwn checks what only s3seal's own formats have, and which of them.
func (h *Header) checkOwn() error {
	format := h.Suite.info().format
	switch n := len(h.everyone()); {
	case n > maxRecipients:
		return &MetadataError{ownNames(maxRecipients).key, fmt.Sprintf("want at most %d recipients, got %d", maxRecipients, n)}
	case n > 1 && h.Suite != Chunked:
		// Without a commitment, a body could be one thing to one recipient and
		// another to the next.
		return &MetadataError{ownNames(1).key, fmt.Sprintf("format %v has one recipient", h.Suite)}
	case h.Bound && format == nil:
		return &MetadataError{nameOwnBound, fmt.Sprintf("format %v is not bound to names", h.Suite)}
	case h.Empty && (format == nil || !format.MarksEmpty()):
		return &MetadataError{nameOwnEmpty, fmt.Sprintf("format %v has no such mark", h.Suite)}
	}
	return nil
}

func (h *Header) plaintextSizeOwn(stored int64) (minSize, maxSize int64, err error) {
	n, err := h.Suite.info().format.PlaintextSize(stored, h.Empty)
	switch {
	case errors.Is(err, stream.ErrTooLarge):
		return 0, 0, fmt.Errorf("envelope: stored size: %w", err)
	case err != nil:
		return 0, 0, fmt.Errorf("envelope: no %v body has %d bytes: %w", h.Suite, stored, ErrDecrypt)
	}
	return n, n, nil
}
