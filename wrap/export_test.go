// SPDX-License-Identifier: Apache-2.0

package wrap

// DecryptOAEP is the layer under the payload, for vectors whose messages are
// not payloads.
var DecryptOAEP = decryptOAEP
