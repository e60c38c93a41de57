import type { CreateTrailRequest, UpdateTrailRequest } from '@aws-sdk/client-cloudtrail';
import { flag, text } from '../../wire/cloudtrail-shapes.ts';
import type { Input } from '../../wire/shapes.ts';
import { notHere, refuse } from './errors.ts';

/**
 * What CreateTrail and UpdateTrail may be asked for. A setting is only kept if delivery follows it: topics, log groups and
 * keys are refused, lest someone believe that log files are announced, searched or encrypted as they wished.
 */

/** But for the bucket, which CreateTrail alone must be told. */
export const settingMembers = {
  S3KeyPrefix: text,
  SnsTopicName: text,
  IncludeGlobalServiceEvents: flag,
  IsMultiRegionTrail: flag,
  EnableLogFileValidation: flag,
  CloudWatchLogsLogGroupArn: text,
  CloudWatchLogsRoleArn: text,
  KmsKeyId: text,
  IsOrganizationTrail: flag,
  RecursiveLogging: flag,
};

export const settingNames = Object.keys(settingMembers) as (keyof typeof settingMembers)[];

type Settings = Omit<Input<UpdateTrailRequest>, 'Name'> | Omit<Input<CreateTrailRequest>, 'Name'>;

export function checkSettings(settings: Settings): void {
  const { S3BucketName, S3KeyPrefix, IsMultiRegionTrail, IncludeGlobalServiceEvents } = settings;
  if (S3BucketName !== undefined) checkBucketName(S3BucketName);
  if (S3KeyPrefix !== undefined) checkKeyPrefix(S3KeyPrefix);
  // Empty is how clients take a setting away.
  if (isSet(settings.SnsTopicName)) throw notHere('Notification by an Amazon SNS topic (SnsTopicName)');
  if (isSet(settings.CloudWatchLogsLogGroupArn) || isSet(settings.CloudWatchLogsRoleArn)) {
    throw notHere('Delivery to CloudWatch Logs (CloudWatchLogsLogGroupArn, CloudWatchLogsRoleArn)');
  }
  if (isSet(settings.KmsKeyId)) throw notHere('Encryption of log files under a KMS key (KmsKeyId)');
  if (settings.IsOrganizationTrail === true) {
    refuse('OrganizationsNotInUseException', 'This account is not a member of an organization.');
  }
  if (IsMultiRegionTrail === true && IncludeGlobalServiceEvents === false) refuseWithoutGlobalEvents();
}

/** In AWS's words. */
export function refuseWithoutGlobalEvents(): never {
  return refuse('InvalidParameterCombinationException', 'Multi-Region trail must include global service events.');
}

/**
 * "Bucket naming rules" of the Amazon S3 user guide, for general purpose buckets.
 *
 * INVARIANT: a bucket's name names one thing within a directory, never what lies above or below it.
 */
function checkBucketName(name: string): void {
  if (name === '') refuse('InvalidS3BucketNameException', 'Bucket name cannot be blank!');
  if (name.length < 3 || name.length > 63) {
    refuse('InvalidS3BucketNameException', 'Bucket name must be between 3 and 63 characters long.');
  }
  if (!/^[a-z0-9][a-z0-9.-]*[a-z0-9]$/.test(name)) {
    refuse(
      'InvalidS3BucketNameException',
      'Bucket name can only have lowercase letters, numbers, periods and hyphens, and begins and ends with a letter or number.',
    );
  }
  if (name.includes('..')) refuse('InvalidS3BucketNameException', 'Bucket name cannot have adjacent periods.');
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) {
    refuse('InvalidS3BucketNameException', 'Bucket name cannot be formatted as an IP address.');
  }
}

const LONGEST_PREFIX = 200;

/**
 * "Safe characters" of the Amazon S3 user guide ("Naming Amazon S3 objects").
 *
 * INVARIANT: a prefix leads downwards within its bucket: no part of it is empty, or begins with a dot, as
 * do `.`, `..` and what delivery keeps beside the objects of a bucket. Nor does it lead to where the files of an account are:
 * buckets have no owners here, and a directory that one account has made, of the name of another's next digest file, would
 * keep that from its place. (On S3, an object and a prefix may share a name.)
 */
function checkKeyPrefix(prefix: string): void {
  if (prefix === '') return;
  if (prefix.length > LONGEST_PREFIX) {
    refuse('InvalidS3PrefixException', `S3 prefix is longer than maximum length: ${LONGEST_PREFIX}`);
  }
  const parts = prefix.split('/');
  if (!parts.every((part) => /^(?!\.|AWSLogs$)[A-Za-z0-9!_.*'()-]+$/i.test(part))) {
    refuse('InvalidS3PrefixException', `S3 prefix is not valid: ${prefix}`);
  }
}

function isSet(setting: string | undefined): boolean {
  return setting !== undefined && setting !== '';
}
