import { X509Certificate } from 'node:crypto';
import { KeyholdError } from '../../runtime/errors.ts';

/** The certificates that a chain may begin with. Each is trusted as it is, byte for byte. */
export type TrustedRoots = readonly X509Certificate[];

/**
 * The root of the AWS Nitro Attestation PKI, G1, for the commercial partition: CN=aws.nitro-enclaves, valid from October
 * 2019 to October 2049. Its SHA-256 fingerprint, which AWS publishes ("Verifying the root of trust", Nitro Enclaves user
 * guide), is 641A0321A3E244EFE456463195D606317ED7CDCC3C1756E09893F3C68F79BB5B.
 */
export const awsNitroRootPem = `-----BEGIN CERTIFICATE-----
MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTEL
MAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoGA1UECwwDQVdTMRswGQYD
VQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4
MTQyODA1WjBJMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQL
DANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEG
BSuBBAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb
48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZE
h8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkF
R+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYC
MQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPW
rfMCMQCi85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6N
IwLz3/Y=
-----END CERTIFICATE-----
`;

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads one or more certificates in PEM, as an operator gives them; StartupRefused where there is none, or a bad one. */
export function readTrustedRoots(pem: string): TrustedRoots {
  const blocks = pem.match(PEM_CERTIFICATE);
  if (blocks === null)
    throw new KeyholdError('StartupRefused', 'there is no certificate in PEM among the trusted roots');
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new KeyholdError('StartupRefused', 'one of the trusted roots is not a certificate', { cause });
    }
  });
}
