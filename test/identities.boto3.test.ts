import { boto3 } from './support/clients.ts';
import { identityFlow } from './support/identity-flow.ts';

identityFlow(boto3);
