// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

const (
	flagMetadataOut    = "--metadata-out"
	flagInstructionOut = "--instruction-out"
)

// An output is a file that a flag names.
type output struct {
	flag string
	file *wholeFile
}

// checkOutputs wants a place for everything that makes up the envelope.
func (c *sealCmd) checkOutputs() error {
	switch {
	case c.MetadataOut == "" && c.InstructionOut == "":
		return usagef("want --metadata-out FILE")
	case c.MetadataOut == "" && (c.Format == "v3" || c.Format == "chunked" || c.Format == "dare2"):
		return usagef("--instruction-out: format %s keeps a part of the envelope on the object: want --metadata-out, too", c.Format)
	case c.InstructionOut != "" && filepath.Clean(string(c.MetadataOut)) == filepath.Clean(string(c.InstructionOut)):
		return usagef("--instruction-out: want another file than --metadata-out")
	}
	for _, file := range []text{c.MetadataOut, c.InstructionOut} {
		if err := spareKeys(string(file), c.Key); err != nil {
			return err
		}
	}
	return firstOf(spareOther(flagMetadataOut, string(c.MetadataOut)), spareOther(flagInstructionOut, string(c.InstructionOut)))
}

// spareOther refuses to replace a file that is no metadata and no instruction
// file, and may be the only copy of something. One of an earlier run is replaced,
// which is what scripts that run each night are used to.
func spareOther(flag, path string) error {
	info, err := os.Stat(path)
	if path == "" || err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil // what it fails of, if it does, is said when it is written
	}
	meta, err := readMetadataFile(path)
	if err == nil && envelopeIn(meta) {
		return nil
	}
	return usagef("%s: %s is there already, and nothing that seal has written: want another name, or remove it", flag, path)
}

// envelopeIn says whether a file holds some of an envelope.
func envelopeIn(meta map[string]string) bool {
	for name := range meta {
		if backend.ReservedMetadata(strings.TrimPrefix(strings.ToLower(name), "x-amz-meta-")) {
			return true
		}
	}
	return false
}

// outputs prepares the files that hold the envelope. On failure it returns
// those that there are, for discardAll.
func (c *sealCmd) outputs(h *envelope.Header) ([]output, error) {
	var files []output
	meta, err := h.Metadata()
	if c.InstructionOut != "" {
		var file []byte
		if meta, file, err = h.InstructionFile(); err != nil {
			return nil, err
		}
		if files, err = addOutput(files, flagInstructionOut, string(c.InstructionOut), file); err != nil {
			return files, err
		}
	}
	if err != nil || c.MetadataOut == "" {
		return files, err
	}
	data, err := formatMetadata(meta)
	if err != nil {
		return files, err
	}
	return addOutput(files, flagMetadataOut, string(c.MetadataOut), data)
}

func addOutput(files []output, flag, path string, data []byte) ([]output, error) {
	err := checkFolder(path)
	var file *wholeFile
	if err == nil {
		file, err = newWholeFile(path, data)
	}
	if err != nil {
		return files, fmt.Errorf("%s: %w", flag, err)
	}
	return append(files, output{flag, file}), nil
}

func commitAll(files []output) error {
	for _, f := range files {
		if err := f.file.commit(); err != nil {
			return fmt.Errorf("%s: %w", f.flag, err)
		}
	}
	return nil
}

func discardAll(files []output) {
	for _, f := range files {
		f.file.discard()
	}
}
