import { AWS_MANAGED_ALIAS_PREFIX } from './alias.ts';

/**
 * The services that have an AWS managed key in each account and Region, and what their keys' policies say ("AWS managed
 * keys", developer guide; the policies as GetKeyPolicy shows them). Not here are those whose policies are of another form:
 * `aws/acm`, `aws/appflow`, `aws/connect` and `aws/ses`. Of the descriptions some are AWS's own and the rest like them.
 */
export interface ManagedKeyService {
  /** As in the alias: `s3` of `alias/aws/s3`. */
  readonly name: string;
  /** The service as the policy's statements call it. */
  readonly title: string;
  /** What the key's description says that it protects. */
  readonly protects: string;
  readonly policyId: string;
  /** Under which names `kms:ViaService` knows the service, each with its title; absent where it is the alias's name. */
  readonly via?: readonly { readonly name: string; readonly title: string }[];
  /** The operations that the service of the key's own Region can call on behalf of the account's principals. */
  readonly operations: readonly string[];
  /** The same, where the service of any Region can. */
  readonly operationsFromAnyRegion?: readonly string[];
  /** Whether the service also looks at the key by itself, without anyone asking. */
  readonly describesItself?: true;
}

const cryptography = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'];
const use = [...cryptography, 'kms:DescribeKey'];
const useAndGrant = [...cryptography, 'kms:CreateGrant', 'kms:DescribeKey'];
const useAndListGrants = [...cryptography, 'kms:CreateGrant', 'kms:ListGrants', 'kms:DescribeKey'];

/** In the order of their names. */
export const managedKeyServices: readonly ManagedKeyService[] = [
  {
    name: 'backup',
    title: 'Backup',
    protects: 'Backup data',
    policyId: 'auto-backup-1',
    operations: ['kms:CreateGrant', 'kms:Decrypt', 'kms:GenerateDataKey*'],
  },
  {
    name: 'cloud9',
    title: 'Cloud9',
    protects: 'Cloud9 environments',
    policyId: 'auto-cloud9-1',
    operations: use,
  },
  {
    name: 'codeartifact',
    title: 'Amazon CodeArtifact',
    protects: 'CodeArtifact data',
    policyId: 'auto-codeartifact-1',
    operations: useAndGrant,
    describesItself: true,
  },
  {
    name: 'codecommit',
    title: 'CodeCommit',
    protects: 'CodeCommit repositories',
    policyId: 'auto-codecommit-2',
    operations: use,
  },
  { name: 'dax', title: 'DAX', protects: 'DAX data', policyId: 'auto-dax-1', operations: useAndListGrants },
  {
    name: 'dms',
    title: 'DMS',
    protects: 'DMS replication instance volumes',
    policyId: 'auto-dms-1',
    operations: useAndListGrants,
  },
  {
    name: 'dynamodb',
    title: 'Amazon DynamoDB',
    protects: 'DynamoDB data',
    policyId: 'auto-dynamodb-3',
    operations: [],
    operationsFromAnyRegion: useAndGrant,
    describesItself: true,
  },
  {
    name: 'ebs',
    title: 'EBS',
    protects: 'EBS volumes',
    policyId: 'auto-ebs-2',
    via: [{ name: 'ec2', title: 'EBS' }],
    operations: useAndGrant,
  },
  {
    name: 'ecr',
    title: 'Amazon ECR',
    protects: 'ECR data',
    policyId: 'auto-ecr-1',
    operations: [...useAndGrant, 'kms:RetireGrant'],
  },
  {
    name: 'eks',
    title: 'Amazon EKS',
    protects: 'EKS data',
    policyId: 'auto-eks-1',
    operations: useAndGrant,
    describesItself: true,
  },
  {
    name: 'elasticache',
    title: 'ElastiCache Service',
    protects: 'ElastiCache data',
    policyId: 'auto-elasticache-1',
    operations: useAndListGrants,
    describesItself: true,
  },
  {
    name: 'elasticfilesystem',
    title: 'EFS',
    protects: 'EFS filesystems',
    policyId: 'auto-elasticfilesystem-1',
    operations: useAndGrant,
  },
  {
    name: 'es',
    title: 'OpenSearch Service',
    protects: 'Elasticsearch data',
    policyId: 'auto-es-2',
    operations: useAndGrant,
    describesItself: true,
  },
  { name: 'fsx', title: 'FSx', protects: 'FSx data', policyId: 'auto-fsx-1', operations: useAndListGrants },
  { name: 'glue', title: 'Glue', protects: 'Glue data', policyId: 'auto-glue-1', operations: useAndGrant },
  {
    name: 'imagebuilder',
    title: 'Amazon EC2 Image Builder',
    protects: 'Image Builder data',
    policyId: 'auto-imagebuilder-1',
    operations: useAndGrant,
    describesItself: true,
  },
  { name: 'kafka', title: 'Kafka', protects: 'Kafka data', policyId: 'auto-kafka-1', operations: useAndListGrants },
  {
    name: 'kendra',
    title: 'Amazon Kendra',
    protects: 'Kendra data',
    policyId: 'auto-kendra-1',
    operations: useAndGrant,
    describesItself: true,
  },
  {
    name: 'kinesis',
    title: 'Amazon Kinesis',
    protects: 'Kinesis data',
    policyId: 'auto-kinesis-1',
    operations: use,
  },
  {
    name: 'kinesisvideo',
    title: 'Kinesis Video Streams',
    protects: 'kinesis video data',
    policyId: 'auto-kinesisvideo-1',
    operations: useAndGrant,
  },
  {
    name: 'lambda',
    title: 'AWS Lambda',
    protects: 'Lambda functions',
    policyId: 'auto-awslambda',
    operations: useAndGrant,
  },
  {
    name: 'lex',
    title: 'lex',
    protects: 'Lex data',
    policyId: 'auto-lex-1',
    operations: useAndGrant,
  },
  {
    name: 'lightsail',
    title: 'Lightsail',
    protects: 'Lightsail data',
    policyId: 'auto-lightsail-1',
    operations: use,
    describesItself: true,
  },
  {
    name: 'mq',
    title: 'Amazon MQ',
    protects: 'MQ data',
    policyId: 'auto-mq-1',
    via: [
      { name: 'mq', title: 'Amazon MQ' },
      { name: 'elasticfilesystem', title: 'Amazon MQ on EFS' },
    ],
    operations: useAndGrant,
  },
  {
    name: 'rds',
    title: 'RDS',
    protects: 'RDS database volumes',
    policyId: 'auto-rds-2',
    operations: useAndListGrants,
  },
  {
    name: 'redshift',
    title: 'RedShift',
    protects: 'Redshift data',
    policyId: 'auto-redshift-3',
    via: [
      { name: 'redshift', title: 'RedShift' },
      { name: 'redshift-serverless', title: 'RedShift-Serverless' },
    ],
    operations: useAndGrant,
  },
  { name: 's3', title: 'S3', protects: 'S3 objects', policyId: 'auto-s3-2', operations: use },
  {
    name: 'secretsmanager',
    title: 'AWS Secrets Manager',
    protects: 'Secrets Manager data',
    policyId: 'auto-secretsmanager-2',
    operations: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:CreateGrant', 'kms:DescribeKey'],
    // A secret that is replicated is encrypted from its primary Region.
    operationsFromAnyRegion: ['kms:GenerateDataKey*'],
  },
  {
    name: 'sns',
    title: 'SNS',
    protects: 'SNS data',
    policyId: 'auto-sns-1',
    operations: ['kms:Decrypt', 'kms:GenerateDataKey*', 'kms:CreateGrant', 'kms:ListGrants', 'kms:DescribeKey'],
  },
  { name: 'sqs', title: 'SQS', protects: 'SQS messages', policyId: 'auto-sqs-1', operations: useAndGrant },
  { name: 'ssm', title: 'SSM', protects: 'SSM parameters', policyId: 'auto-ssm-1', operations: use },
  {
    name: 'timestream',
    title: 'Amazon Timestream',
    protects: 'Timestream data',
    policyId: 'auto-timestream-1',
    operations: useAndGrant,
    describesItself: true,
  },
  {
    name: 'translate',
    title: 'Amazon Translate',
    protects: 'Translate data',
    policyId: 'auto-translate-1',
    operations: useAndGrant,
    describesItself: true,
  },
  {
    name: 'workspaces',
    title: 'Workspaces',
    protects: 'WorkSpaces data',
    policyId: 'auto-workspaces-1',
    operations: useAndListGrants,
  },
  {
    name: 'xray',
    title: 'X-Ray',
    protects: 'X-Ray data',
    policyId: 'auto-xray-1',
    operations: useAndGrant,
    describesItself: true,
  },
];

function managedKeyAlias(service: ManagedKeyService): string {
  return `${AWS_MANAGED_ALIAS_PREFIX}${service.name}`;
}

const byAlias = new Map(managedKeyServices.map((service) => [managedKeyAlias(service), service]));

/** The aliases of all managed keys, whether or not the keys are there, in the order of their names. */
export const managedKeyAliases: readonly string[] = [...byAlias.keys()];

/** The service whose key has this alias; undefined if none has. */
export function managedKeyServiceOf(aliasName: string): ManagedKeyService | undefined {
  return byAlias.get(aliasName);
}

export function managedKeyDescription(service: ManagedKeyService): string {
  return `Default key that protects my ${service.protects} when no other key is defined`;
}
