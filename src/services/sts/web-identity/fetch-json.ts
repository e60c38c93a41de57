/**
 * The port through which documents of identity providers enter: one GET, whose answer is JSON. The provider's operator and
 * whoever stands between decide what comes, so an implementation bounds time and size, follows no redirect, sends nothing
 * that is secret, and verifies the server's certificate.
 *
 * @param thumbprints SHA-1 of certificates in hexadecimal digits, as IAM keeps them with a provider: what its chain may end
 *   in besides the certificate authorities that are trusted anyway
 * @throws KeyholdError IDPCommunicationErrorException if nobody answers in time, InvalidIdentityTokenException if what
 *   answers is not trusted or is of no use
 */
export type FetchJson = (url: URL, thumbprints: readonly string[]) => Promise<unknown>;
