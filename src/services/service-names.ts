/** How a service, such as `s3`, is named where it acts. AWS writes both the same in all partitions. */

/** As policies name it as a principal, and CloudTrail as the one who invoked something: `s3.amazonaws.com`. */
export function servicePrincipal(service: string): string {
  return `${service}.amazonaws.com`;
}

/** The value of `kms:ViaService` for requests that the service makes in a Region: `s3.us-east-1.amazonaws.com`. */
export function viaServiceName(service: string, region: string): string {
  return `${service}.${region}.amazonaws.com`;
}
