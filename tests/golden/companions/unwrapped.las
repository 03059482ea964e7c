~Version ---------------------------------------------------
VERS.   2.0 : CWLS log ASCII Standard -VERSION 2.0
WRAP.    NO : One line per depth step
DLM . SPACE : Column Data Section Delimiter
~Well ------------------------------------------------------
STRT.M             1670.0 : START DEPTH
STOP.M           1669.375 : STOP DEPTH
STEP.M             -0.125 : STEP
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
DEPT.M     : depth along the fibre
FBE .US/F  : energy of band 0
FBE .      : energy of band 1
B02 .US/F  : energy of band 2
B03 .      : energy of band 3
~Params ----------------------------------------------------
BHT.DEGC 35.5 : temperature
~Other -----------------------------------------------------
~ASCII -----------------------------------------------------
  1670.0000   -9999.25    21.7613    -1.2536    33.8013
  1669.8750    89.2074    41.7330    49.0633    -4.6079
  1669.7500    76.4470    47.9776   -9999.25    82.1550
  1669.6250    18.6468   -9999.25   -9999.25    11.2184
  1669.5000    26.5175    99.5275    61.0688   -9999.25
  1669.3750    86.7231   -9999.25    48.9824    87.4349
