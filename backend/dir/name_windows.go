// SPDX-License-Identifier: Apache-2.0

package dir

import "strings"

// checkSpelling returns why part cannot be a file name on Windows, or "".
// Names with a dot or blank at the end exist, but most programs reach
// another file by them; a colon names a stream inside a file.
func checkSpelling(part string) string {
	if strings.ContainsAny(part, `\:*?"<>|`) || strings.ContainsFunc(part, isControl) {
		return "contains a character that file names cannot have"
	}
	if last := part[len(part)-1]; last == '.' || last == ' ' {
		return "has a component that ends in a dot or blank"
	}
	return ""
}

func isControl(r rune) bool { return r < ' ' }
