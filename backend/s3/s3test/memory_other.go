// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package s3test

import "os"

// memoryFolder returns "": there is no file system in memory that is always there.
func memoryFolder() string { return "" }

// hold does nothing: nobody sweeps the usual folder.
func hold(string) (*os.File, error) { return nil, nil }
