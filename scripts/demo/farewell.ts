import { REGION } from '../local/parts.ts';
import { ENVIRONMENT } from './stage.ts';

/** What one can look at and try while the demo stays up. */
export const farewell = (at: {
  readonly apiUrl: string;
  readonly simulatorUrl: string;
  readonly logs: string;
}): readonly string[] => [
  'It stays up until Ctrl-C.',
  `  environments  ${at.apiUrl}/v1/environments`,
  `  OpenAPI       ${at.apiUrl}/v1/openapi.json`,
  `  ledger        ${at.simulatorUrl}/_sim/ledger`,
  `  logs          ${at.logs}`,
  'Try:',
  `  curl -s ${at.apiUrl}/v1/environments/${ENVIRONMENT}`,
  `  curl -s ${at.apiUrl}/v1/environments/${ENVIRONMENT}/deployments`,
  `  curl -s ${at.apiUrl}/v1/environments/${ENVIRONMENT}/hosts                # each host, and why`,
  `  curl -s -X POST ${at.simulatorUrl}/_sim/hosts -d '{"count": 3}'     # three more hosts`,
  `  curl -s -X DELETE ${at.apiUrl}/v1/environments/${ENVIRONMENT}           # its tasks are stopped`,
  `  AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x aws ecs list-tasks --region ${REGION} --endpoint-url ${at.simulatorUrl}`,
];
