// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package main

import "errors"

func peakMemory() (int64, error) {
	return 0, errors.New("the peak of resident memory is not known on this system")
}
