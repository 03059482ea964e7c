~Version ---------------------------------------------------
VERS.   2.0 : CWLS log ASCII Standard -VERSION 2.0
WRAP.   YES : Multiple lines per depth step
DLM . SPACE : Column Data Section Delimiter
~Well ------------------------------------------------------
STRT.FT            1670.0 : START DEPTH
STOP.FT            1672.0 : STOP DEPTH
STEP.FT               0.5 : STEP
NULL.            -9999.25 : NULL VALUE
COMP.                     : COMPANY
WELL.                     : WELL
FLD .                     : FIELD
LOC .                     : LOCATION
PROV.                     : PROVINCE
CNTY.                     : COUNTY
STAT.                     : STATE
CTRY.                     : COUNTRY
SRVC.                     : SERVICE COMPANY
DATE. 2016-12-13T07:13:49 : time of the log
UWI .                     : UNIQUE WELL ID
API .                     : API NUMBER
~Curve Information -----------------------------------------
DEPT.FT    : depth along the fibre
FBE .US/F  : energy of band 0
FBE .      : energy of band 1
B02 .US/F  : energy of band 2
B03 .      : energy of band 3
B04 .US/F  : energy of band 4
B05 .      : energy of band 5
B06 .US/F  : energy of band 6
B07 .      : energy of band 7
B08 .US/F  : energy of band 8
B09 .      : energy of band 9
B10 .US/F  : energy of band 10
B11 .      : energy of band 11
B12 .US/F  : energy of band 12
B13 .      : energy of band 13
B14 .US/F  : energy of band 14
B15 .      : energy of band 15
B16 .US/F  : energy of band 16
B17 .      : energy of band 17
B18 .US/F  : energy of band 18
B19 .      : energy of band 19
B20 .US/F  : energy of band 20
B21 .      : energy of band 21
B22 .US/F  : energy of band 22
~Params ----------------------------------------------------
BHT.DEGC 35.5 : temperature
~Other -----------------------------------------------------
~ASCII -----------------------------------------------------
  1670.0000    48.3161   -9999.25    96.6219   -9999.25    38.1503    -1.8132
32.3184    38.9849    13.8376    49.7224    49.5491   -9999.25   -9999.25
71.6489    21.5407   -9999.25    84.6710     8.5595    81.5080    54.1895
82.2080   -9999.25    27.1731
  1670.5000    86.4906    56.9491   -9999.25    10.2733    20.1464     7.9037
-9999.25    80.6019    31.3365    89.1368    94.8485     0.3239   -9999.25
6.8865   -9999.25    51.5316     0.3245    75.5202   -9999.25   -9999.25
34.5696   -9999.25    82.4434
  1671.0000   -9999.25    58.5309    65.5353    15.2087    -1.0040    96.5506
75.3510    -3.5015    94.5530    72.9906    21.3549    17.3554    43.9132
-9999.25    14.6879   -9999.25    30.5593   -9999.25   -9999.25    34.8286
34.0310   -9999.25    60.0920
  1671.5000    57.8093    61.9896    26.5441    92.4301   -9999.25    64.0649
90.4638   -9999.25    55.1999   -9999.25    79.6341    91.1238    60.9506
-9999.25   -9999.25    64.0927    28.3903    15.7147    70.8150   -9999.25
-9999.25    75.1340   -9999.25
  1672.0000     1.2214   -9999.25    86.7781    52.9943    44.1117    39.9631
-9999.25    78.2675    30.7071    39.7982    66.0295    83.2177    61.6987
-9999.25    -0.9065    59.1288     6.8353    55.2323    86.0637    42.9336
17.5811     8.7633    40.6554
