// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// InstructionFile returns the user metadata and the instruction file that
// together store h: of V3 the suite, the commitment and the message id as
// metadata, of s3seal's own formats all but the keys, of older formats
// nothing. The file is compact JSON with sorted names, strings only, in ASCII
// and without a blank. It goes under the key of the object with
// [InstructionSuffix], and is to be written before the object.
//
// What h cannot be written as metadata, it cannot be written as a file either:
// see [Header.Metadata]. A file over [MaxInstructionSize] is a
// [*MetadataError].
//
// An object with an instruction file is weaker than one with its envelope in
// metadata: the two do not change together, and are not copied or deleted
// together. It may be called concurrently while nobody writes to h.
//
// Source: S3 Encryption Client, "Content Metadata".
func (h *Header) InstructionFile() (meta map[string]string, file []byte, err error) {
	all, err := h.Metadata()
	if err != nil {
		return nil, nil, err
	}
	meta = make(map[string]string)
	for _, name := range namesObject {
		if value, ok := all[name]; ok {
			meta[name] = value
			delete(all, name)
		}
	}
	if file, err = encodeFile(all); err != nil {
		return nil, nil, err
	}
	return meta, file, nil
}

// encodeFile writes the values, which are ASCII.
func encodeFile(values map[string]string) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b) // sorts the names
	enc.SetEscapeHTML(false)
	if err := enc.Encode(values); err != nil {
		return nil, &MetadataError{nameFile, "not representable as JSON"}
	}
	text := strings.TrimSuffix(b.String(), "\n")
	// A blank can only be inside a string here. The C++ client ends a file at
	// the first one, unless it is escaped.
	text = strings.ReplaceAll(text, " ", `\u0020`)
	if len(text) > MaxInstructionSize {
		return nil, &MetadataError{nameFile, fmt.Sprintf("want at most %d bytes, got %d", MaxInstructionSize, len(text))}
	}
	return []byte(text), nil
}

// unlessMetadata passes errors on that do not come from content.
func unlessMetadata(err error) error {
	if _, ok := errors.AsType[*MetadataError](err); ok {
		return nil
	}
	return err
}
