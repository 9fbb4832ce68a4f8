// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

const (
	// InstructionSuffix ends the key of an instruction file; the key of the
	// object comes before it.
	InstructionSuffix = ".instruction"

	// DotNetInstructionSuffix is what the first .NET client used instead, for
	// files that [ParseDotNetInstructionFile] reads.
	DotNetInstructionSuffix = "INSTRUCTION_SUFFIX"

	// InstructionMarker is a name in the user metadata of an instruction file
	// that says what it is. Not all clients write it, so it proves nothing by
	// its absence.
	InstructionMarker = "x-amz-crypto-instr-file"

	// MaxInstructionSize is the size in bytes over which nothing is taken for
	// an instruction file.
	MaxInstructionSize = 64 << 10

	// nameFile stands for the file as a whole in a MetadataError.
	nameFile = "instruction file"
)

// NeedsInstructionFile reports whether the envelope of an object with this
// user metadata can only be in an instruction file: there is no envelope, and
// then the object may as well be plaintext, or just those values of V3 or of
// s3seal's own formats that never leave the object. It is false for a whole
// envelope and for a damaged one.
//
// It may be called concurrently while nobody writes to meta.
func NeedsInstructionFile(meta map[string]string) bool {
	f, err := normalise(meta)
	if err != nil {
		return false
	}
	_, err = f.remainder()
	return err == nil
}

// ParseInstructionFile reads the envelope of an object from its instruction
// file. meta is the user metadata of the object itself, of which V3 keeps the
// suite, the commitment and the message id there, and s3seal's own formats all
// but the keys; they are not taken from a file, since who can replace the wrapped
// key must not choose what it is held against.
//
// The file must be one JSON object of at most [MaxInstructionSize] bytes, in
// which no name is there twice; trailing data, a file without a wrapped key,
// names of two formats together, and all that [ParseHeader] refuses are a
// [*MetadataError]. It is never [ErrNotEncrypted]. Names count in lower case
// only, unknown ones are ignored, the tag length may be a number. Errors of
// file are passed through wrapped. extra are the Suites to know of that are not
// built in.
//
// Nothing authenticates a file, and nothing ties it to the object: whoever can
// write it can give an object of V1, V2 or DARE another key. The commitment of V3
// makes that fail in [NewOpener], and that of Chunked as soon as the body is read.
//
// Source: S3 Encryption Client, "Content Metadata". It reads no more than one
// byte past the limit. It may be called concurrently.
func ParseInstructionFile(meta map[string]string, file io.Reader, extra ...Suite) (*Header, error) {
	return parseInstruction(meta, file, instructionNames, extra)
}

// ParseDotNetInstructionFile is [ParseInstructionFile] for the files of the
// first .NET client, which have names of their own (EncryptedEnvelopeKey and
// IV) for an envelope of V1. It reads the usual files as well, but not a
// mixture. It may be called concurrently.
func ParseDotNetInstructionFile(meta map[string]string, file io.Reader, extra ...Suite) (*Header, error) {
	return parseInstruction(meta, file, dotNetNames, extra)
}

// IsInstructionFile reports whether file is an instruction file of any
// dialect, for whatever object; extra are the Suites to know of that are not
// built in. It returns an error only if reading file fails. It may be called
// concurrently.
func IsInstructionFile(file io.Reader, extra ...Suite) (bool, error) {
	f, err := readInstruction(file, dotNetNames)
	if err != nil {
		return false, unlessMetadata(err)
	}
	for _, object := range f.possibleObjects(extra) {
		if _, err := maps.Clone(f).join(object, extra); err == nil {
			return true, nil
		}
	}
	return false, nil
}

// possibleObjects returns what objects that f is the file of could hold.
func (f fields) possibleObjects(extra []Suite) []fields {
	switch {
	case f[nameKeyV3] != "": // any values that an object of V3 could have
		id := encodeBytes(make([]byte, messageIDSize))
		return []fields{{nameSuite: algCommit, nameCommitment: id, nameMessageID: id}}
	case f[nameOwnKey] == "":
		return []fields{{}}
	}
	var all []fields
	for _, s := range slices.Concat([]Suite{Chunked}, extra) {
		format := s.info().format
		if format == nil {
			continue
		}
		object := fields{nameOwnSuite: format.Wire()}
		if n := format.SaltSize(); n > 0 {
			object[nameOwnSalt] = encodeBytes(make([]byte, n))
		}
		all = append(all, object)
	}
	return all
}

func parseInstruction(meta map[string]string, file io.Reader, names namesOf, extra []Suite) (*Header, error) {
	object, err := normalise(meta)
	if err != nil {
		return nil, err
	}
	if _, err := object.remainder(); err != nil {
		return nil, err
	}
	f, err := readInstruction(file, names)
	if err != nil {
		return nil, err
	}
	return f.join(object, extra)
}

// remainder checks what is left on an object whose wrapped key is elsewhere:
// all three names of V3 that stay there, or what stays there of s3seal's own
// formats, or nothing of all that, and nothing else but hints. It returns the
// name that the key must have, if that can be told. f may be the metadata of a
// plaintext object.
func (f fields) remainder() (key string, err error) {
	for _, name := range namesKey {
		if f[name] != "" {
			return "", &MetadataError{name, "present: this object does not have its key in an instruction file"}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(namesObject, name) && !slices.Contains(namesHint, name) {
			return "", &MetadataError{name, "present without a wrapped key, or of an unknown format"}
		}
	}
	switch {
	case slices.ContainsFunc(namesObjectOwn, f.has):
		return nameOwnKey, f.whole([]string{nameOwnSuite}, slices.Concat(namesObjectV3, namesHint))
	case slices.ContainsFunc(namesObjectV3, f.has):
		return nameKeyV3, f.whole(namesObjectV3, nil)
	}
	return "", nil
}

func (f fields) has(name string) bool { return f[name] != "" }

// whole checks that f has all names of one list and none of another.
func (f fields) whole(want, not []string) error {
	for _, name := range want {
		if !f.has(name) {
			return &MetadataError{name, "missing"}
		}
	}
	for _, name := range not {
		if f.has(name) {
			return &MetadataError{name, "does not belong to a format of s3seal's own"}
		}
	}
	return nil
}

// join adds what the object itself holds to the fields of its file. f must not
// hold it, too: readers could differ in which of the two they believe.
func (f fields) join(object fields, extra []Suite) (*Header, error) {
	for _, name := range namesObject {
		if f[name] != "" {
			return nil, &MetadataError{name, "belongs in the metadata of the object, not in its instruction file"}
		}
	}
	switch {
	case !slices.ContainsFunc(namesKey, f.has):
		return nil, &MetadataError{nameFile, "holds no wrapped key"}
	case f[nameKeyV3] != "" && object[nameSuite] == "":
		return nil, &MetadataError{nameSuite, "missing in the metadata of the object, which the instruction file says is V3"}
	}
	maps.Copy(f, object)
	return f.parse(extra)
}

// readInstruction reads the fields of a file, under normalised names.
func readInstruction(file io.Reader, names namesOf) (fields, error) {
	// Peek, because it gives up on a reader that never gets anywhere.
	data, err := bufio.NewReaderSize(countedReader{file}, MaxInstructionSize+1).Peek(MaxInstructionSize + 1)
	switch {
	case err == nil:
		return nil, &MetadataError{nameFile, fmt.Sprintf("want at most %d bytes, got more", MaxInstructionSize)}
	case err != io.EOF:
		return nil, fmt.Errorf("envelope: read instruction file: %w", err)
	}
	text := string(data)
	if !utf8.ValidString(text) || !json.Valid(data) || loneSurrogate(text) {
		return nil, &MetadataError{nameFile, "not valid JSON"}
	}
	values, reason := members(text)
	if reason != "" {
		return nil, &MetadataError{nameFile, reason}
	}
	return fileFields(values, names)
}

// fileFields picks the names of an envelope out of a file. Nothing in a file
// has been through HTTP, so there is no case to fold and no text to repair.
func fileFields(values map[string]json.RawMessage, names namesOf) (fields, error) {
	rename, err := names(values)
	if err != nil {
		return nil, err
	}
	f := make(fields)
	// Sorted, so that the same file always gives the same error.
	for _, given := range slices.Sorted(maps.Keys(values)) {
		name := given
		if other, ok := rename[given]; ok {
			name = other
		}
		if !isEnvelopeName(name) {
			continue
		}
		value, ok := fileValue(name, values[given])
		if !ok {
			return nil, &MetadataError{name, "want a string"}
		}
		if value != "" { // as in metadata, some clients write what they leave empty
			f[name] = value
		}
	}
	return f, nil
}

// fileValue takes a string, and the digits of a number where PHP writes one.
// raw is valid JSON without blanks around it.
func fileValue(name string, raw json.RawMessage) (value string, ok bool) {
	if raw[0] == '"' {
		err := json.Unmarshal(raw, &value)
		return value, err == nil
	}
	if slices.Contains(namesHint, name) { // nobody looks at the value
		return string(raw), true
	}
	numeric := name == nameTagLen || name == nameSuite
	return string(raw), numeric && '0' <= raw[0] && raw[0] <= '9'
}

// A namesOf says under which other names a file has the names of an envelope.
type namesOf func(values map[string]json.RawMessage) (map[string]string, error)

func instructionNames(map[string]json.RawMessage) (map[string]string, error) { return nil, nil }

// The names of the first .NET client.
const (
	dotNetKey = "EncryptedEnvelopeKey"
	dotNetIV  = "IV"
)

func dotNetNames(values map[string]json.RawMessage) (map[string]string, error) {
	if _, ok := values[dotNetKey]; !ok {
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if isEnvelopeName(name) {
			return nil, &MetadataError{name, "present beside " + dotNetKey}
		}
	}
	return map[string]string{dotNetKey: nameKeyV1, dotNetIV: nameIV}, nil
}
