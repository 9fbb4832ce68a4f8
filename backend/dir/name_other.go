// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package dir

// checkSpelling returns why part cannot be a file name here, or "".
func checkSpelling(string) string { return "" }
