// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"

	"github.com/s3seal/s3seal/envelope"
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
		return usagef("--metadata-out: want a file name")
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
	return nil
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
		if files, err = addOutput(files, "--instruction-out", string(c.InstructionOut), file); err != nil {
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
	return addOutput(files, "--metadata-out", string(c.MetadataOut), data)
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
