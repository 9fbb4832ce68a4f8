// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// errMetadataFile says that a metadata file is not one. It counts as altered
// metadata: what a flipped bit does to a JSON text is mostly this.
var errMetadataFile = errors.New("not a JSON object of metadata")

// maxMetadataFile is far above the 2 KiB that S3 allows, and leaves room for
// all else that head-object prints.
const maxMetadataFile = 1 << 20

// readMetadataFile reads the metadata of one object: a flat JSON object, or
// what aws s3api head-object printed.
func readMetadataFile(path string) (map[string]string, error) {
	data, err := readSmallFile(path, maxMetadataFile)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	meta, err := parseMetadata(data)
	if err != nil {
		return nil, fmt.Errorf("metadata %s: %w", path, err)
	}
	return meta, nil
}

// parseMetadata is readMetadataFile for the content of the file.
func parseMetadata(data []byte) (map[string]string, error) {
	fields, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	// head-object wraps the metadata in one object among other fields. A flat
	// file has no member of that type.
	if inner, ok := fields["Metadata"]; ok && isObject(inner) {
		if fields, err = parseObject(inner); err != nil {
			return nil, err
		}
	}
	meta := make(map[string]string, len(fields))
	for name, raw := range fields {
		if meta[name], err = metadataValue(raw); err != nil {
			return nil, fmt.Errorf("%w: value of %q: %w", errMetadataFile, name, err)
		}
	}
	return meta, nil
}

func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// metadataValue takes a string, or a number for its digits: some writers keep
// the lengths as numbers where they write JSON.
func metadataValue(raw json.RawMessage) (string, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	}
	return "", errors.New("want a string")
}

// parseObject splits one JSON object into its members. Unlike json.Unmarshal
// into a map it refuses a name given twice, of which another reader might
// take the other one.
func parseObject(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errMetadataFile
	}
	fields := make(map[string]json.RawMessage)
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errMetadataFile
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("%w: %q is there twice", errMetadataFile, name)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errMetadataFile
		}
		fields[name] = raw
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, errMetadataFile
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errMetadataFile
	}
	return fields, nil
}

// formatMetadata is the flat file that aws s3api put-object --metadata takes.
// encoding/json sorts the names, so equal metadata are equal bytes.
func formatMetadata(meta map[string]string) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(meta); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return buf.Bytes(), nil
}

// readSmallFile reads a file that must not be larger than limit: a key or a
// metadata file named by mistake may be a disk image or /dev/zero.
func readSmallFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &refusal{text: fmt.Sprintf("%s: larger than %d bytes", path, limit)}
	}
	return data, nil
}
