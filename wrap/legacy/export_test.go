// SPDX-License-Identifier: Apache-2.0

package legacy

// DecryptOAEP is one of the two trials of NewRSAOAEPSHA256Key, for vectors
// whose messages are not CEKs.
var DecryptOAEP = decryptOAEP
